"""The journal's lock: one writer at a time, and who that is.

A file of its own beside the journal, so that the lock outlives a journal that is replaced whole.
The kernel frees it when its holder ends, however that comes about.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from stratus_cli.journal.codec import moment
from stratus_cli.journal.disk import FILE_MODE, failing_as, make_folder, utc_now
from stratus_cli.model.errors import JournalError

_LARGEST_NOTE = 4096


class JournalLock:
    """Context manager. JournalError, naming the holder, when somebody else has it."""

    def __init__(self, journal: Path, now: Callable[[], datetime] = utc_now) -> None:
        self._journal = journal
        self._file = journal.with_name(f"{journal.name}.lock")
        self._now = now
        self._handle = -1

    def __enter__(self) -> Self:
        with failing_as("the journal cannot be locked", self._file):
            make_folder(self._file.parent)
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = _holder(handle)
            os.close(handle)
            raise JournalError(
                f"the journal is in use by {held}",
                str(self._journal),
                "Nothing was done. Wait for it to end, or name another one with --journal PATH.",
            ) from None
        except OSError as error:
            os.close(handle)
            raise JournalError(
                f"the journal cannot be locked ({error.strerror})",
                str(self._file),
                "Name a journal on a local disk with --journal PATH.",
            ) from error
        self._handle = handle
        self._sign()
        return self

    def __exit__(self, *_: object) -> None:
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
        try:
            os.ftruncate(handle, 0)
        except OSError:
            pass  # the note is for people; the lock is the kernel's
        finally:
            os.close(handle)

    def _sign(self) -> None:
        note = {
            "pid": os.getpid(),
            "user": _user(),
            "host": socket.gethostname(),
            "since": moment(self._now()),
        }
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, json.dumps(note).encode(), 0)
        except OSError:
            pass  # a full disk shows when the journal itself is written


def held_by(journal: Path) -> str:
    """Who works with this journal at the moment; "" when nobody does.

    Holds a shared lock for the moment of the question; asked only where a transaction is open.
    """
    journal = Path(os.path.realpath(journal))
    try:
        handle = os.open(journal.with_name(f"{journal.name}.lock"), os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(handle)
    except OSError:
        return ""
    finally:
        os.close(handle)
    return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _holder(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, _LARGEST_NOTE, 0))
        return f"{note['user']}@{note['host']} (process {note['pid']}) since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
