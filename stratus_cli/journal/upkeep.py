"""Looking after a journal: one transaction on its own, a new file after a break, an archive.

Every file made here is a whole journal with a chain of its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stratus_cli.journal import disk
from stratus_cli.journal.chain import Broken, peek, read, salvage, sealed
from stratus_cli.journal.codec import UnknownRecord, moment, to_entry
from stratus_cli.journal.lock import JournalLock
from stratus_cli.journal.reading import ROTATE, Contents, check_cluster, parse, read_good
from stratus_cli.journal.replay import RecordedTransaction, transactions
from stratus_cli.model.entry import Entry
from stratus_cli.model.errors import JournalError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import ClusterIdentity


@dataclass(frozen=True)
class Rotated:
    """aside: where the old journal is now. carried: ids of transactions that are still open."""

    aside: Path
    carried: tuple[str, ...]


def export(path: Path, tx: str) -> str:
    """The text of a journal that holds this one transaction: enough to undo it from elsewhere.

    Of a journal with a break, what stands before it can still be had. JournalError when there is
    no closed or open transaction of exactly this id, or its end is not among what was read.
    """
    contents = read_good(Path(path))
    header = {**contents.header, "exported": {"tx": tx, "hash": contents.chain.hash}}
    records = _records_of(contents, {tx})
    if not records:
        raise JournalError(
            "the journal has no such transaction", f"{tx} in {path}", "See: stratus journal list"
        )
    (recorded,) = transactions(to_entry(record) for record in records)
    if contents.notes and recorded.state is None and not contents.chain.torn:
        raise JournalError(
            "its end is not in what can still be read", f"{tx} in {path}", f"{ROTATE}, then recover"
        )
    data, _ = sealed(header, records)
    return data.decode()


def rotate(
    path: Path, identity: ClusterIdentity, *, now: Callable[[], datetime] = disk.utc_now
) -> Rotated:
    """Set the journal aside and start a new one in its place.

    The new header names the old file and its last good hash. Transactions that are still open, or
    that a person has not accepted yet, are carried over, so that recover and preflight know them.
    JournalError: nothing was changed.
    """
    path = Path(os.path.realpath(path))
    with JournalLock(path, now):
        data = disk.read_bytes(path)
        good, line = _last_good(data, path, identity)
        at = now()
        aside = disk.beside(path, "rotated", at)
        carried, records = _unfinished(data)
        fresh, _ = sealed(
            {
                "cluster": identity.uid,
                "server": identity.server,
                "created": moment(at),
                "continues": {
                    "file": aside.name,
                    "hash": good,
                    "broken_line": line,
                    "carried": list(carried),
                },
            },
            records,
        )
        with disk.failing_as("the journal cannot be rotated", path):
            try:
                os.link(path, aside)  # the old one is never without a name
            except OSError:
                os.rename(path, aside)
            disk.replace_whole(path, fresh)
        return Rotated(aside, carried)


def prune(
    path: Path,
    identity: ClusterIdentity,
    *,
    age_s: float,
    now: datetime,
    before: Callable[[Sequence[RecordedTransaction]], object] = lambda going: None,
) -> str:
    """Move transactions closed longer ago than this into an archive. A sentence for the user.

    Open ones stay, and those that need a human until somebody accepts them. before: called with
    those that go, before anything is moved; when it raises, nothing is.
    """
    path = Path(os.path.realpath(path))
    with JournalLock(path, lambda: now):
        data = disk.read_bytes(path)
        check_cluster(data, path, identity)
        contents = parse(data, path)
        recorded = transactions(contents.entries)
        oldest = now - timedelta(seconds=age_s)
        going = [tx for tx in recorded if _may_go(tx, oldest)]
        old = {tx.id for tx in going}
        if not old:
            return f"nothing is old enough; {len(recorded)} transactions stay in {path}"
        before(going)
        archive = disk.beside(path, "archive", now)
        made = {**contents.header, "created": moment(now)}
        archived, last = sealed(
            {**made, "archive_of": {"file": path.name, "hash": contents.chain.hash}},
            _records_of(contents, old),
        )
        pruned = {"file": archive.name, "hash": last, "before": contents.chain.hash}
        stays = {tx.id for tx in recorded} - old
        kept, _ = sealed({**made, "pruned": pruned}, _records_of(contents, stays))
        with disk.failing_as("the journal cannot be pruned", path):
            disk.write_new(archive, archived)
            try:
                disk.replace_whole(path, kept)
            except OSError:
                with contextlib.suppress(OSError):
                    archive.unlink()
                raise
        return f"archived {len(old)} transactions in {archive}; {len(stays)} stay in {path}"


def _last_good(data: bytes, path: Path, identity: ClusterIdentity) -> tuple[str, int | None]:
    """(hash of the last line that holds, the first that does not or None)."""
    try:
        chain = read(data)
    except Broken as error:
        if error.line > 1:
            check_cluster(data, path, identity)
        elif not peek(data).get("schema"):
            raise JournalError(
                "this is not a journal", str(path), "It was left as it is."
            ) from error
        return error.good, error.line
    check_cluster(data, path, identity)
    return chain.hash, None


def _unfinished(data: bytes) -> tuple[tuple[str, ...], list[Mapping[str, Any]]]:
    """(ids, records) of what somebody still has to close, also from behind a break.

    An end behind the break counts: a transaction that was closed must not be rolled back again.
    """
    readable: list[tuple[Mapping[str, Any], Entry]] = []
    for record in salvage(data):
        with contextlib.suppress(UnknownRecord):
            readable.append((record, to_entry(record)))
    recorded = transactions(entry for _, entry in readable)
    ids = tuple(tx.id for tx in recorded if _needs_somebody(tx))
    return ids, [record for record, entry in readable if entry.tx in ids]


def _needs_somebody(tx: RecordedTransaction) -> bool:
    return tx.state is None or (tx.state is TransactionState.NEEDS_HUMAN and not tx.accepted)


def _may_go(tx: RecordedTransaction, oldest: datetime) -> bool:
    return not _needs_somebody(tx) and tx.last_at < oldest


def _records_of(contents: Contents, ids: set[str]) -> list[Mapping[str, Any]]:
    pairs = zip(contents.chain.records, contents.entries, strict=True)
    return [record for record, entry in pairs if entry.tx in ids]
