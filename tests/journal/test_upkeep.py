"""Export, rotate and prune: each leaves whole journals behind, and loses nothing that matters."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from stratus_cli.journal.file import export, prune, read_entries, rotate
from stratus_cli.journal.reading import read_journal
from stratus_cli.journal.replay import transactions
from stratus_cli.model.entry import Accepted
from stratus_cli.model.errors import JournalError
from stratus_cli.model.health import TransactionState
from tests.journal.samples import AT, ELSEWHERE, HERE, opened, transaction, written

DAY = 86400.0
NOW = AT + timedelta(days=100)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_an_export_is_a_journal_of_one_transaction(path: Path, tmp_path: Path) -> None:
    """Its chain holds by itself, and the same cluster takes it for undo and writes on in it."""
    written(path, *transaction("a"), *transaction("b"), *transaction("c"))
    copy = tmp_path / "elsewhere.jsonl"
    copy.write_text(export(path, "b"))
    assert read_entries(copy) == tuple(transaction("b"))
    with opened(copy) as journal:
        journal.append(transaction("d", undoes="b")[0])
    assert len(transactions(read_entries(copy))) == 2
    with pytest.raises(JournalError, match="no such transaction"):
        export(path, "x")


def test_rotate_names_the_old_file_and_its_last_good_hash(path: Path) -> None:
    """The broken file is kept as it is; the new one starts empty and can be written."""
    lines = written(path, *transaction("a"), *transaction("b")).splitlines(keepends=True)
    lines[4] = lines[4].replace(b"uid-cart", b"uid-evil")
    broken = b"".join(lines)
    path.write_bytes(broken)
    aside = rotate(path, HERE, now=lambda: NOW).aside
    assert aside.read_bytes() == broken
    header = read_journal(path).header
    good = read_journal_hash(b"".join(lines[:4]))
    assert header["continues"] == {
        "file": aside.name,
        "hash": good,
        "broken_line": 5,
        "carried": [],
    }
    assert written(path, *transaction("c"))
    assert path.stat().st_mode & 0o777 == 0o600


def read_journal_hash(data: bytes) -> str:
    from stratus_cli.journal.chain import read

    return read(data).hash


def test_rotate_carries_open_transactions_over(path: Path) -> None:
    """Open, and NEEDS_HUMAN until accepted; also records behind the break; nothing else."""
    open_ones = transaction("open", state=None)
    human = transaction("human", state=TransactionState.NEEDS_HUMAN)
    accepted = transaction("well", state=TransactionState.NEEDS_HUMAN)
    entries = [
        *open_ones[:3],
        *transaction("done"),
        *human,
        *open_ones[3:],
        *accepted,
        Accepted("well", AT, "bob"),
    ]
    lines = written(path, *entries).splitlines(keepends=True)
    lines[5] = lines[5].replace(b"uid-cart", b"uid-evil")  # in "done", before the rest of "open"
    path.write_bytes(b"".join(lines))
    made = rotate(path, HERE)
    assert made.carried == ("open", "human")
    assert read_entries(path) == (*open_ones[:3], *human, *open_ones[3:])
    assert read_journal(path).header["continues"]["carried"] == ["open", "human"]
    with opened(path) as journal:
        journal.append(transaction("next")[0])


@pytest.mark.parametrize("broken", range(2, 8))
def test_rotate_never_opens_a_closed_transaction_again(path: Path, broken: int) -> None:
    """Whichever line is damaged, an end that can still be read counts."""
    lines = written(path, *transaction("a")).splitlines(keepends=True)
    lines[broken - 1] = lines[broken - 1].replace(b'"tx":"a"', b'"tx":"b"')
    path.write_bytes(b"".join(lines))
    carried = rotate(path, HERE).carried
    assert carried == (("a",) if broken == 7 else ())  # line 7 is its end


def test_a_whole_journal_is_rotated_with_its_open_transactions(path: Path) -> None:
    """For a file that grew too long."""
    written(path, *transaction("done"), *transaction("open", state=None))
    assert rotate(path, HERE).carried == ("open",)
    assert read_entries(path) == tuple(transaction("open", state=None))


def test_rotate_when_not_even_the_header_holds(path: Path) -> None:
    """The way out of every break, but not for a file that never was a journal."""
    data = written(path, *transaction())
    path.write_bytes(data.replace(b'"created"', b'"crEated"'))
    assert rotate(path, HERE).aside.exists()
    assert read_entries(path) == ()
    path.write_bytes(b"my: notes\n")
    with pytest.raises(JournalError, match="not a journal"):
        rotate(path, HERE)
    assert path.read_bytes() == b"my: notes\n"


def test_rotate_and_prune_leave_another_clusters_journal_alone(path: Path) -> None:
    """Its bytes stay."""
    before = written(path, *transaction())
    for attempt in (
        lambda: rotate(path, ELSEWHERE),
        lambda: prune(path, ELSEWHERE, age_s=0, now=NOW),
    ):
        with pytest.raises(JournalError, match="cluster"):
            attempt()
    assert path.read_bytes() == before


def test_prune_and_rotate_wait_for_no_lock(path: Path) -> None:
    """A journal in use is not touched."""
    written(path, *transaction())
    with opened(path):
        for attempt in (lambda: rotate(path, HERE), lambda: prune(path, HERE, age_s=0, now=NOW)):
            with pytest.raises(JournalError, match="in use"):
                attempt()


def test_prune_archives_what_is_old_and_closed(path: Path) -> None:
    """Young ones, open ones and those that still need a human stay; archive and rest are whole."""
    young = NOW - timedelta(days=1)
    keep = [
        *transaction("open", state=None),
        *transaction("human", state=TransactionState.NEEDS_HUMAN),
        *transaction("young", young),
    ]
    accepted = transaction("accepted", state=TransactionState.NEEDS_HUMAN)
    go = [*transaction("old"), *accepted, Accepted("accepted", AT, "bob")]
    # Interleaved, as records of one transaction need not stand together.
    written(path, *keep[:2], *go[:3], *keep[2:], *go[3:])
    said = prune(path, HERE, age_s=30 * DAY, now=NOW)
    assert read_entries(path) == tuple(keep)
    (archive,) = path.parent.glob("*.archive-*.jsonl")
    assert archive.name in said
    assert read_entries(archive) == tuple(go)
    assert read_journal(path).header["pruned"]["file"] == archive.name
    with opened(path) as journal:
        journal.append(transaction("next")[0])
    assert len(read_entries(path)) == len(keep) + 1


def test_prune_keeps_what_was_accepted_lately(path: Path) -> None:
    """The age is that of the newest record."""
    tx = transaction("human", state=TransactionState.NEEDS_HUMAN)
    before = written(path, *tx, Accepted("human", NOW - timedelta(hours=1), "bob"))
    assert "nothing is old enough" in prune(path, HERE, age_s=30 * DAY, now=NOW)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.archive-*"))


def test_a_prune_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at any step: the journal has its bytes, and no half file is left."""
    before = written(path, *transaction("old"), *transaction("young", NOW))
    real, calls = os.fsync, 0
    for fails_at in (1, 2, 3):
        calls = 0

        def full(handle: int, at: int = fails_at) -> None:
            nonlocal calls
            calls += 1
            if calls == at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(handle)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(JournalError, match="No space left"):
            prune(path, HERE, age_s=DAY, now=NOW)
        monkeypatch.undo()
        assert path.read_bytes() == before
        assert [item.name for item in path.parent.glob("*.jsonl")] == ["journal.jsonl"]
        assert not list(path.parent.glob(".*"))
