"""Reading a journal file: chain verified, records decoded, errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stratus_cli.journal.chain import Broken, Chain, peek, read
from stratus_cli.journal.codec import UnknownRecord, to_entry
from stratus_cli.journal.disk import read_bytes
from stratus_cli.model.entry import Entry
from stratus_cli.model.errors import JournalError
from stratus_cli.model.ref import ClusterIdentity

ROTATE = "Look at it; then set it aside and start anew: stratus journal rotate"


@dataclass(frozen=True)
class Contents:
    """A journal that holds. notes: what a person should know, such as a torn last line."""

    chain: Chain
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]

    @property
    def header(self) -> Mapping[str, Any]:
        """{} in a file that was only being created."""
        return self.chain.header


def read_journal(path: Path) -> Contents:
    """Everything in the file, without taking its lock. JournalError names the broken line."""
    return parse(read_bytes(path), path)


def read_good(path: Path) -> Contents:
    """The same, but of a journal with a break what stands before it; a note says so."""
    data = read_bytes(path)
    try:
        return parse(data, path)
    except JournalError as error:
        broken = error.__cause__
        if not isinstance(broken, Broken) or broken.line == 1:
            raise
        good = b"".join(line + b"\n" for line in data.split(b"\n")[: broken.line - 1])
        note = f"{path} is broken at line {broken.line}; only what stands before it was read"
        return replace(parse(good, path), notes=(note,))


def parse(data: bytes, path: Path) -> Contents:
    """The same from bytes; path is for the errors."""
    try:
        chain = read(data)
    except Broken as error:
        raise JournalError(
            f"the journal is broken at line {error.line}: {error.why}", str(path), ROTATE
        ) from error
    entries = []
    for number, record in enumerate(chain.records, 2):
        try:
            entries.append(to_entry(record))
        except UnknownRecord as error:
            raise JournalError(
                f"the journal has at line {number} {error}",
                str(path),
                "Use the version of Stratus that wrote it, or: stratus journal rotate",
            ) from error
    notes: tuple[str, ...] = ()
    if chain.torn:
        notes = (
            f"the last line of {path} was cut short ({chain.torn} bytes); it was never"
            " confirmed, and is left out",
        )
    return Contents(chain, tuple(entries), notes)


def check_cluster(data: bytes, path: Path, identity: ClusterIdentity) -> None:
    """JournalError when the header names another cluster."""
    uid = peek(data).get("cluster", identity.uid)
    if uid != identity.uid:
        raise JournalError(
            f"the journal is of cluster {str(uid)[:64]}, this is {identity.uid}",
            str(path),
            "It was left as it is. Leave --journal out, or name the one of this cluster.",
        )
