"""The journal file: durable, locked, of one cluster, and readable after every kind of crash."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stratus_cli.journal.file import RECORD_ROOM, FileJournal, default_path, read_entries
from stratus_cli.journal.reading import read_journal
from stratus_cli.model.entry import Begin, Done, Failed, Intent
from stratus_cli.model.errors import JournalError
from tests.journal.samples import (
    AT,
    CART,
    ELSEWHERE,
    HERE,
    NEW,
    OLD,
    REDACTOR,
    one_of_each,
    opened,
    transaction,
    written,
)

GOLDEN = Path(__file__).parent / "v1.jsonl"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


def test_what_was_appended_is_read_again(path: Path) -> None:
    """Every kind of record comes back as it was."""
    entries = one_of_each()
    written(path, *entries)
    assert read_entries(path) == tuple(entries)
    with opened(path) as journal:
        assert journal.entries() == tuple(entries)


def test_the_format_is_frozen(path: Path) -> None:
    """The bytes of version 1 never change: old journals and old versions must go on working."""
    assert written(path, *one_of_each()).decode() == GOLDEN.read_text()
    assert read_entries(GOLDEN) == tuple(one_of_each())


def test_only_its_owner_may_read_it(path: Path) -> None:
    """Mode 0600, in a folder of mode 0700; also for a file that was more open before."""
    written(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    written(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_record_is_on_disk_when_append_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced after the write, and its folder when it is made."""
    synced: list[tuple[bool, bytes]] = []
    real = os.fsync

    def watch(handle: int) -> None:
        real(handle)
        is_folder = os.path.isdir(f"/proc/self/fd/{handle}")
        synced.append((is_folder, b"" if is_folder else path.read_bytes()))

    monkeypatch.setattr(os, "fsync", watch)
    with opened(path) as journal:
        assert any(is_folder for is_folder, _ in synced)
        journal.append(transaction()[0])
        assert b'"type":"begin"' in synced[-1][1]


def test_a_second_writer_is_told_who_has_it(path: Path) -> None:
    """Who, where and since when; and nothing is changed."""
    with opened(path):
        before = path.read_bytes()
        with pytest.raises(JournalError) as error, opened(path):
            pass
        assert f"process {os.getpid()}" in error.value.what
        assert "2026-01-31T12:00:00" in error.value.what
        assert str(path) in str(error.value)
        assert path.read_bytes() == before
    with opened(path) as journal:
        assert journal.entries() == ()


def test_the_lock_holds_by_another_name(path: Path, tmp_path: Path) -> None:
    """A link to the journal is the same journal."""
    written(path)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with opened(path), pytest.raises(JournalError, match="in use"), opened(link):
        pass


def test_a_journal_of_another_cluster_is_left_alone(path: Path) -> None:
    """Both clusters are named, and the file keeps its bytes."""
    before = written(path, *transaction())
    with pytest.raises(JournalError) as error, opened(path, ELSEWHERE):
        pass
    assert HERE.uid in error.value.what
    assert ELSEWHERE.uid in error.value.what
    assert path.read_bytes() == before


def test_credentials_do_not_reach_the_disk(path: Path) -> None:
    """Objects, plans and free text are masked before they are written."""
    secret = "hunter2-correct-horse"
    env = [{"name": "DB_PASSWORD", "value": secret}]
    item = {**OLD, "spec": {"template": {"spec": {"containers": [{"name": "a", "env": env}]}}}}
    at = AT
    data = written(
        path,
        Begin("tx-1", at, "mitigate", "i", "t", "w", {"steps": [{"after": item}]}),
        Intent("tx-1", at, 1, CART, item, item, f"kubectl set env DB_PASSWORD={secret}"),
        Done("tx-1", at, 1, "uid", item),
        Failed("tx-1", at, 1, f"refused: password={secret}", False),
    )
    assert secret.encode() not in data
    assert b"\\u00absecret:" in data


def test_a_torn_last_line_is_dropped_with_a_note(path: Path) -> None:
    """Also when the next writer is far shorter: nothing of the torn line stays."""
    whole = written(path, *transaction())
    path.write_bytes(whole[:-10])
    assert len(read_entries(path)) == len(transaction()) - 1
    with opened(path) as journal:
        assert "cut short" in journal.notes[0]
        journal.append(transaction()[-1])
    assert path.read_bytes() == whole
    assert read_journal(path).notes == ()


def test_a_break_names_the_line_and_the_way_out(path: Path) -> None:
    """Any other break is an error, for readers and for writers, and the file is left alone."""
    lines = written(path, *transaction()).splitlines(keepends=True)
    lines[2] = lines[2].replace(b"samples", b"simples")
    path.write_bytes(b"".join(lines))
    for attempt in (lambda: read_entries(path), lambda: opened(path).__enter__()):
        with pytest.raises(JournalError) as error:
            attempt()
        assert "line 3" in error.value.what
        assert "stratus journal rotate" in error.value.hint
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("change", ["drop", "swap", "repeat"])
def test_lines_that_are_missing_or_moved_are_found(path: Path, change: str) -> None:
    """Each record names the one before it."""
    lines = written(path, *transaction()).splitlines(keepends=True)
    if change == "drop":
        del lines[2]
    elif change == "swap":
        lines[2], lines[3] = lines[3], lines[2]
    else:
        lines.insert(3, lines[2])
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalError, match="broken at line"):
        read_entries(path)


@pytest.mark.parametrize("content", [b"a: b\n", b"{}\n", b'{"schema":"other/v1"}\n', b"\x00\x01\n"])
def test_another_file_is_not_taken_for_a_journal(path: Path, content: bytes) -> None:
    """It is refused and keeps its bytes."""
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(JournalError, match="not a journal"), opened(path):
        pass
    assert path.read_bytes() == content


def test_a_folder_or_a_pipe_is_not_a_journal(tmp_path: Path) -> None:
    """It is refused at once: a pipe must not be waited for."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(JournalError, match="not a file"), opened(path):
            pass
        with pytest.raises(JournalError, match="not a file"):
            read_entries(path)


@pytest.mark.parametrize("left", [b"", b'{"schema":"stra', b"\0" * 100])
def test_a_file_whose_creation_was_cut_short_is_begun_anew(path: Path, left: bytes) -> None:
    """It never held a record."""
    path.parent.mkdir()
    path.write_bytes(left)
    assert read_entries(path) == ()
    written(path, *transaction())
    assert read_entries(path) == tuple(transaction())


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_shows_when_room_is_reserved(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JournalError before anything is written, and the journal stays as it was."""
    before = written(path, *transaction())
    with opened(path) as journal:
        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(JournalError, match="No space left"):
            journal.reserve(8)
        monkeypatch.undo()
    assert path.read_bytes() == before


def test_reserved_room_is_not_taken_for_records(path: Path) -> None:
    """While it is held, after a crash that leaves it, and given back at the end."""
    with opened(path) as journal:
        journal.append(transaction()[0])
        journal.reserve(8)
        assert path.stat().st_size > 8 * RECORD_ROOM
        assert read_entries(path) == tuple(transaction()[:1])
        left_by_a_crash = path.read_bytes()
        journal.append(transaction()[1])
        assert read_entries(path) == tuple(transaction()[:2])
    assert b"\0" not in path.read_bytes()
    path.write_bytes(left_by_a_crash)
    with opened(path) as journal:
        assert journal.notes == ()
        journal.append(transaction()[1])
    assert read_entries(path) == tuple(transaction()[:2])


def test_an_intent_makes_room_for_all_that_may_follow_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large object's answer and its way back fit, once its intent was accepted."""
    large = {**OLD, "data": {"blob": "x" * (4 * RECORD_ROOM)}}
    at = AT
    with opened(path) as journal:
        journal.reserve(8)
        journal.append(transaction()[0])
        journal.append(Intent("tx-1", at, 1, CART, large, large, "kubectl"))
        size = path.stat().st_size
        monkeypatch.setattr(os, "posix_fallocate", full)
        journal.append(Done("tx-1", at, 1, "u", large))
        journal.append(Intent("tx-1", at, 1, CART, large, large, "back", rollback=True))
        journal.append(Done("tx-1", at, 1, "u", large, rollback=True))
        journal.append(transaction()[-1])
        assert path.stat().st_size == size
        with pytest.raises(JournalError, match="No space left"):
            journal.append(Intent("tx-1", at, 2, CART, OLD, NEW, "kubectl"))
        assert len(read_entries(path)) == 6


def test_a_write_that_fails_leaves_nothing_in_the_way(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record whose sync failed is not in the journal; a shorter one may follow it."""
    entries = transaction()
    with opened(path) as journal:
        journal.append(entries[0])
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(JournalError, match="No space left"):
            journal.append(entries[2])
        monkeypatch.undo()
        assert read_entries(path) == tuple(entries[:1])
        journal.append(entries[1])
        assert journal.entries() == tuple(entries[:2])
    assert read_entries(path) == tuple(entries[:2])


def test_fields_that_a_later_version_added_are_ignored(path: Path) -> None:
    """Fields may be added; the chain covers them all the same."""
    from stratus_cli.journal.chain import read, sealed

    chain = read(written(path, *transaction()))
    records = [{**record, "added": {"later": True}} for record in chain.records]
    path.write_bytes(sealed({**chain.header, "added": 1}, records)[0])
    assert read_entries(path) == tuple(transaction())


def test_an_unknown_kind_of_record_is_refused_and_named(path: Path) -> None:
    """What is not understood is not skipped: it might be a write."""
    from stratus_cli.journal.chain import read, sealed

    chain = read(written(path, *transaction()))
    path.write_bytes(sealed(chain.header, [*chain.records, {"type": "teleport", "tx": "t"}])[0])
    with pytest.raises(JournalError, match="teleport") as error:
        read_entries(path)
    assert "line 8" in error.value.what


def test_a_journal_per_cluster(tmp_path: Path) -> None:
    """Named by the cluster's uid; no name leads out of the folder, no two clusters share one."""
    uids = ["u-1", "ca:0123", "../../etc/passwd", "", "x" * 500, "…"]
    names = {default_path(tmp_path, replace(HERE, uid=uid)) for uid in uids}
    assert len(names) == len(uids)
    assert {name.parent for name in names} == {tmp_path / "journals"}


def test_strange_text_survives(path: Path) -> None:
    """Lone surrogates, NULs and control characters of hostile objects are escaped, not refused."""
    item = {"kind": "ConfigMap", "data": {"\ud800": "\0\n\x1b[31m\u2028", "n": 10**40, "f": 0.1}}
    entry = Intent("tx-1", AT, 1, CART, item, None, "kubectl")
    written(path, entry)
    assert read_entries(path) == (entry,)


WRITER = """
import sys
from pathlib import Path
from tests.journal.samples import opened, transaction
number = 0
with opened(Path(sys.argv[1])) as journal:
    while True:
        number += 1
        journal.reserve(8)
        for entry in transaction(f"tx-{number}"):
            journal.append(entry)
            print(len(journal.entries()), flush=True)
"""


@pytest.mark.parametrize("records", [1, 4, 23])
def test_a_killed_writer_leaves_a_readable_journal(
    path: Path, records: int, watchdog: Callable[[subprocess.Popen[str]], None]
) -> None:
    """kill -9 at any moment: every confirmed record is there, and the lock is free."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    watchdog(process)
    assert process.stdout is not None
    confirmed = 0
    while confirmed < records:
        confirmed = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    confirmed = max([confirmed, *(int(line) for line in process.stdout if line.endswith("\n"))])
    process.wait()
    process.stdout.close()
    assert len(read_entries(path)) >= confirmed
    with opened(path) as journal:
        count = len(journal.entries())
        journal.append(transaction("tx-after")[0])
    assert len(read_entries(path)) == count + 1


@pytest.fixture
def watchdog() -> Callable[[subprocess.Popen[str]], None]:
    """Ends a process that hangs, so that no test waits for ever."""
    timers: list[threading.Timer] = []

    def watch(process: subprocess.Popen[str]) -> None:
        timer = threading.Timer(30, process.kill)
        timer.start()
        timers.append(timer)

    yield watch  # type: ignore[misc]  # a fixture
    for timer in timers:
        timer.cancel()


def test_a_journal_that_is_not_open_takes_nothing(path: Path) -> None:
    """Neither before it is entered nor after it is left."""
    journal = FileJournal(path, HERE, redactor=REDACTOR)
    with pytest.raises(JournalError, match="not open"):
        journal.append(transaction()[0])
    with journal:
        pass
    with pytest.raises(JournalError, match="not open"):
        journal.append(transaction()[0])
