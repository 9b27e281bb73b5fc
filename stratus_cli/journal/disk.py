"""Durable files: what is said to be written survives a crash, and what is replaced is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from stratus_cli.model.errors import JournalError

FILE_MODE, FOLDER_MODE = 0o600, 0o700

_CANNOT_ALLOCATE = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_BLOCK = bytes(1 << 16)


def utc_now() -> datetime:
    """The machine's clock: for the time a file is made."""
    return datetime.now(UTC)


@contextlib.contextmanager
def failing_as(what: str, path: Path) -> Iterator[None]:
    """Turns an OSError into a JournalError that says what failed, where, and what to do."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        hint = "Free some space, or name another journal with --journal PATH."
        if error.errno != errno.ENOSPC:
            hint = "Name another journal with --journal PATH."
        raise JournalError(f"{what} ({why})", str(path), hint) from error


def make_folder(folder: Path) -> None:
    """The folder and those above it, readable by this person only where they are made here."""
    missing = [item for item in (folder, *folder.parents) if not item.exists()]
    for item in reversed(missing):
        item.mkdir(FOLDER_MODE, exist_ok=True)
        sync_folder(item.parent)


def sync_folder(folder: Path) -> None:
    """The names in a folder survive a crash."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_bytes(path: Path) -> bytes:
    """A regular file's bytes. JournalError for a folder, a device, or what cannot be read."""
    with failing_as("the journal cannot be read", path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise JournalError("the journal is not a file", str(path), "Name another one.")
        return path.read_bytes()


def write_at(handle: int, data: bytes, offset: int) -> None:
    """All of it, at this place."""
    view = memoryview(data)
    while view:
        done = os.pwrite(handle, view, offset)
        view, offset = view[done:], offset + done


def allocate(handle: int, start: int, length: int) -> None:
    """Disk space for bytes that come later. They read as NUL until then. OSError when full."""
    if length <= 0:
        return
    try:
        os.posix_fallocate(handle, start, length)
        return
    except AttributeError:
        pass  # macOS has none
    except OSError as error:
        if error.errno not in _CANNOT_ALLOCATE:
            raise
    size = os.fstat(handle).st_size
    while size < start + length:
        part = _BLOCK[: start + length - size]
        write_at(handle, part, size)
        size += len(part)


def write_new(path: Path, data: bytes) -> None:
    """A file that must not exist yet. Nothing is left behind when it cannot be written."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        write_at(handle, data, 0)
        os.fsync(handle)
        sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(handle)


def replace_whole(path: Path, data: bytes) -> None:
    """The former file or the new one, never a mixture. The caller holds the journal's lock."""
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()  # left by a crash
    write_new(temporary, data)
    os.replace(temporary, path)
    sync_folder(path.parent)


def beside(path: Path, word: str, now: datetime) -> Path:
    """A free name for a side file: "JOURNAL.word-20260131T235959Z.jsonl"."""
    stem = f"{path.stem}.{word}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    name, number = path.with_name(f"{stem}{path.suffix}"), 1
    while name.exists():
        number += 1
        name = path.with_name(f"{stem}-{number}{path.suffix}")
    return name
