"""The journal on disk: append-only JSONL, one writer, on disk before `append` returns.

Must not know what the records mean: see journal.replay. Tidying up is in journal.upkeep.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from stratus_cli.journal import disk
from stratus_cli.journal.chain import seal_header, seal_record
from stratus_cli.journal.codec import Masks, masked, moment, to_entry, to_record
from stratus_cli.journal.lock import JournalLock
from stratus_cli.journal.reading import Contents, check_cluster, parse, read_journal
from stratus_cli.journal.upkeep import export, prune, rotate
from stratus_cli.model.entry import Baseline, Begin, Entry, Intent
from stratus_cli.model.errors import JournalError
from stratus_cli.model.ref import ClusterIdentity

__all__ = ["FileJournal", "default_path", "export", "prune", "read_entries", "rotate"]

RECORD_ROOM = 64 * 1024
"""Bytes set aside for a record whose size is not known yet: several times a usual object's."""


def default_path(state_folder: Path, identity: ClusterIdentity) -> Path:
    """The journal of this cluster: journals/UID.jsonl below the state folder."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", identity.uid).strip("-")
    if not plain or len(plain) > 100:
        plain = hashlib.sha256(identity.uid.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return state_folder / "journals" / f"{plain}.jsonl"


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Every record, oldest first, without taking the lock; a torn last line is left out.

    JournalError when the file cannot be read or its chain is broken.
    """
    return read_journal(path).entries


class FileJournal:
    """Context manager that holds the file's lock. Implements model.ports.Journal.

    JournalError on entering: in use, of another cluster, broken, or no space.
    """

    def __init__(
        self,
        path: Path,
        identity: ClusterIdentity,
        *,
        redactor: Masks,
        now: Callable[[], datetime] = disk.utc_now,
    ) -> None:
        self.path = str(path)
        self.notes: tuple[str, ...] = ()
        """What was found on opening, such as a torn last line that was dropped."""
        self._file = Path(os.path.realpath(path))  # one lock, by whatever name it is opened
        self._identity = identity
        self._redactor = redactor
        self._now = now
        self._lock = JournalLock(self._file, now)
        self._handle = -1
        self._entries: list[Entry] = []
        self._hash = ""
        self._end = 0
        self._promised = 0

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        handle, self._handle = self._handle, -1
        try:
            if handle >= 0:
                # Allocated room that was not needed; harmless where it cannot be given back.
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, self._end)
                os.close(handle)
        finally:
            self._lock.__exit__()

    def append(self, entry: Entry) -> None:
        """Masked, chained, on disk. JournalError when it cannot be made durable."""
        self._check_open()
        try:
            record = masked(to_record(entry), self._redactor)
            line, digest = seal_record(len(self._entries) + 1, self._hash, record)
            kept = to_entry(record)
        except (TypeError, ValueError, RecursionError) as error:
            raise JournalError(f"a record cannot be written ({error})", self.path, "") from error
        self._promised = max(0, self._promised - 1)
        with disk.failing_as("the journal cannot be written", self._file):
            self._make_room(entry, len(line))
            self._write(line)
        self._end += len(line)
        self._hash = digest
        self._entries.append(kept)

    def entries(self) -> tuple[Entry, ...]:
        """Every record, oldest first, as it is on disk (credentials masked)."""
        return tuple(self._entries)

    def reserve(self, records: int) -> None:
        """Allocate room for this many more records. JournalError when the disk is too full."""
        self._check_open()
        with disk.failing_as("the journal has no room", self._file):
            disk.allocate(self._handle, self._end, records * RECORD_ROOM)
        self._promised = records

    def _check_open(self) -> None:
        if self._handle < 0:
            raise JournalError("the journal is not open", self.path, "")

    def _make_room(self, entry: Entry, size: int) -> None:
        """Before a step that can still be left undone: room for what must follow it.

        After an intent that is its answer, the intent to take it back and the answer to that, each
        about as large as the intent. What follows a write uses the room made here.
        """
        may_still_stop = isinstance(entry, Begin | Baseline | Intent) and self._promised
        if not may_still_stop or (isinstance(entry, Intent) and entry.rollback):
            return
        follows = 3 * size if isinstance(entry, Intent) else 0
        disk.allocate(self._handle, self._end, size + follows + self._promised * RECORD_ROOM)

    def _write(self, line: bytes) -> None:
        try:
            disk.write_at(self._handle, line, self._end)
            os.fsync(self._handle)
        except OSError:
            self._wipe(len(line))
            raise

    def _wipe(self, length: int) -> None:
        """What was written in part must not stand before a later record."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._handle).st_size
            disk.write_at(self._handle, bytes(max(0, min(length, size - self._end))), self._end)

    def _open(self) -> None:
        with disk.failing_as("the journal cannot be opened", self._file):
            if not self._file.exists():
                disk.write_new(self._file, self._header())
            data = disk.read_bytes(self._file)
            check_cluster(data, self._file, self._identity)
            contents = parse(data, self._file)
            self._handle = os.open(self._file, os.O_RDWR)
            with contextlib.suppress(OSError):
                os.fchmod(self._handle, disk.FILE_MODE)
            self._take(contents)
            self.notes = contents.notes
            if len(data) > self._end:
                os.ftruncate(self._handle, self._end)
            if not contents.header:  # its creation was cut short
                line = self._header()
                self._write(line)
                disk.sync_folder(self._file.parent)
                self._take(parse(line, self._file))

    def _take(self, contents: Contents) -> None:
        self._entries = list(contents.entries)
        self._hash, self._end = contents.chain.hash, contents.chain.end

    def _header(self) -> bytes:
        line, _ = seal_header(
            {
                "cluster": self._identity.uid,
                "server": self._identity.server,
                "created": moment(self._now()),
            }
        )
        return line
