"""Recover: every place where a process can die, and what others do before somebody recovers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.recover import open_transactions, recover
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.journal.file import FileJournal
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.entry import Begin, End, Entry, Intent, Judged
from stratus_cli.model.errors import ClusterUnreachable, JournalError, Refused
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from tests.fakes.faulty import Crash, FaultyCluster
from tests.flow.small import (
    LEASE,
    NEW,
    NOTES,
    ROOM,
    SETTINGS,
    Item,
    edit,
    entries,
    get,
    plan_of,
    recorded,
    run,
    small,
    state,
)
from tests.flow.stand import Stand

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
BLOCKED, NEEDS_HUMAN = TransactionState.BLOCKED, TransactionState.NEEDS_HUMAN
SET_A = "kubectl -n shop label configmap/settings a=1"
SET_A_AGAIN = "kubectl -n shop label configmap/settings a=2 --overwrite"
SET_B = "kubectl -n shop annotate configmap/settings b=1"
DELETE_ROOM = "kubectl -n shop delete resourcequota/room"
BREAK_WEB = "kubectl -n shop set image deployment/web app=stratus/app:never"
LINES: tuple[str | Item, ...] = (SET_A, SET_A_AGAIN, DELETE_ROOM, NEW)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


def crash(stand: Stand, number: int, when: str, *lines: str | Item) -> None:
    """Die at this write; the dead process does not even give its Lease back."""
    stand.cluster.faults = {stand.cluster.writes + number: f"crash-{when}"}
    with pytest.raises(Crash):
        run(stand, *lines)
    assert len(open_transactions(entries(stand))) == 1
    stand.cluster = FaultyCluster(stand.twin)


def recovered(stand: Stand, mode: str = "rollback") -> TransactionReport:
    with stand.ports() as ports:
        (report,) = recover(ports, mode, stand.observe).transactions
    return report


def closed(stand: Stand, mode: str = "rollback") -> TransactionReport:
    report = recovered(stand, mode)
    assert not report.open, report.why
    assert not open_transactions(entries(stand))
    return report


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_crash_at_each_write_is_rolled_back(stand: Stand, number: int, when: str) -> None:
    """Two writes to one field, a delete, a create."""
    before = state(stand.twin)
    crash(stand, number, when, *LINES)
    report = closed(stand)
    assert report.state is (BLOCKED if (number, when) == (1, "before") else UNDONE), report.why
    assert state(stand.twin) == before


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_crash_at_each_write_is_finished(stand: Stand, number: int, when: str) -> None:
    crash(stand, number, when, *LINES)
    assert closed(stand, "finish").state is COMMITTED
    assert get(stand, SETTINGS)["metadata"]["labels"] == {"a": "2"}
    assert stand.twin.get(ROOM) is None
    assert stand.twin.get(NOTES) is not None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_crashed_roll_back_goes_on(stand: Stand, number: int, when: str) -> None:
    before = state(stand.twin)
    crash(stand, 5 + number, when, *LINES, BREAK_WEB)
    assert closed(stand).state is UNDONE
    assert state(stand.twin) == before


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_crashed_undo_is_taken_back(stand: Stand, number: int, when: str) -> None:
    """An undo writes newest first, so its way back is oldest first."""
    assert run(stand, *LINES).state is COMMITTED
    after = state(stand.twin)
    crash_undo(stand, number, when)
    report = closed(stand)
    assert report.state is (BLOCKED if (number, when) == (1, "before") else UNDONE), report.why
    assert state(stand.twin) == after


def crash_undo(stand: Stand, number: int, when: str) -> None:
    stand.cluster.faults = {stand.cluster.writes + number: f"crash-{when}"}
    with pytest.raises(Crash), stand.ports() as ports:
        undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    stand.cluster = FaultyCluster(stand.twin)


def test_an_undo_cannot_be_finished_only_rolled_back(stand: Stand) -> None:
    assert run(stand, SET_A).state is COMMITTED
    crash_undo(stand, 1, "after")
    with pytest.raises(Refused, match="only a mitigation"):
        recovered(stand, "finish")
    assert closed(stand).state is UNDONE


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_recovery_that_dies_is_recovered(stand: Stand, number: int) -> None:
    before = state(stand.twin)
    crash(stand, 4, "after", *LINES)
    stand.cluster.faults = {number: "crash-after"}
    with pytest.raises(Crash):
        recovered(stand)
    stand.cluster = FaultyCluster(stand.twin)
    assert closed(stand).state is UNDONE
    assert state(stand.twin) == before


def test_recovering_twice_is_recovering_once(stand: Stand) -> None:
    crash(stand, 2, "after", *LINES)
    closed(stand)
    writes = stand.cluster.writes
    with stand.ports() as ports:
        report = recover(ports, "rollback", stand.observe)
    assert not report.transactions
    assert stand.cluster.writes == writes


def test_every_prefix_of_a_journal_is_closed(stand: Stand, tmp_path: Path) -> None:
    """Whatever the cluster looks like by then: here as it is at the end."""
    assert run(stand, *LINES, BREAK_WEB).state is UNDONE
    before = state(stand.twin)
    whole = entries(stand)
    for length in range(1, len(whole)):
        folder = tmp_path / str(length)
        folder.mkdir()
        other = Stand(stand.twin, FaultyCluster(stand.twin), folder, limits=stand.limits)
        rewrite(other, whole[:length])
        assert closed(other).state in (UNDONE, BLOCKED), whole[length - 1]
        assert state(stand.twin) == before
        assert isinstance(entries(other)[-1], End)


def test_a_process_that_dies_at_any_record_of_two_transactions(tmp_path: Path) -> None:
    """The journal of every prefix is what a kill leaves; each boundary is a state it ends in."""
    whole = stand_with_history(tmp_path / "whole", 10**9)
    begins = [number for number, entry in enumerate(entries(whole)) if isinstance(entry, Begin)]
    assert len(begins) == 3
    for number in range(1, len(entries(whole)) + 1):
        stand = stand_with_history(tmp_path / f"{number}", number)
        assert len(entries(stand)) == number
        with stand.ports() as ports:
            for report in recover(ports, "rollback", stand.observe).transactions:
                assert not report.open, report.why
        assert not open_transactions(entries(stand))
        kept = {tx.kind for tx in recorded(stand) if tx.state is COMMITTED}
        labels = get(stand, SETTINGS)["metadata"].get("labels") or {}
        assert labels == ({"a": "2"} if kept == {"mitigate"} else {})
        assert (stand.twin.get(NOTES) is None) is (kept != {"mitigate"})


def stand_with_history(folder: Path, dies_at: int) -> Stand:
    """A commit, an attempt that is undone, and an undo; until this record is on disk."""
    folder.mkdir()
    stand = small(folder)

    class Dying(FileJournal):
        def append(self, entry: Entry) -> None:
            super().append(entry)
            if len(self.entries()) == dies_at:
                raise Crash

    @contextmanager
    def ports() -> Iterator[Ports]:
        path = folder / "journal.jsonl"
        with Dying(path, stand.twin.identity(), redactor=Redactor(b"test")) as journal:
            yield replace(stand.reading(), journal=journal)

    with suppress(Crash), ports() as using:
        execute_plan(plan_of(stand, SET_A, SET_A_AGAIN, NEW), using, stand.observe)
        execute_plan(plan_of(stand, SET_B, BREAK_WEB), using, stand.observe)
        undo(using, Selector(last=True), accept_loss=True, observe=stand.observe)
    return stand


def test_two_open_transactions_are_closed_newest_first(stand: Stand) -> None:
    """As after a rotation that carried both over: the older one lies below the newer."""
    before = state(stand.twin)
    for lines in ((SET_A, SET_B), (SET_A_AGAIN, DELETE_ROOM)):
        stand.cluster.faults = {2: "crash-after"}
        with pytest.raises(Crash):
            run(stand, *lines)
        stand.cluster = FaultyCluster(stand.twin)
    assert len(open_transactions(entries(stand))) == 2
    with stand.ports() as ports:
        reports = recover(ports, "rollback", stand.observe).transactions
    assert [report.state for report in reports] == [UNDONE, UNDONE]
    assert [tx.id for tx in recorded(stand)] == [report.id for report in reversed(reports)]
    assert state(stand.twin) == before


@pytest.mark.parametrize("kind", ["mitigate", "undo"])
@pytest.mark.parametrize("mode", ["ask", "rollback", "finish"])
def test_a_verdict_on_disk_is_final(stand: Stand, tmp_path: Path, mode: str, kind: str) -> None:
    """Crash between the verdict COMMIT and the end: nothing is written, nobody need be asked."""
    assert run(stand, *LINES).state is COMMITTED
    if kind == "undo":
        assert run_undo(stand).state is COMMITTED
    kept, whole = state(stand.twin), entries(stand)
    assert isinstance(whole[-2], Judged)
    other = beside(stand, tmp_path / "other", whole[:-1])
    stand.twin.advance(16 * 60)
    other.operator.sure = False
    report = closed(other, mode)
    assert report.state is COMMITTED, report.why
    assert other.cluster.writes == 0
    assert state(stand.twin) == kept
    assert run_undo(other, report.id).state is COMMITTED
    assert state(stand.twin) != kept


def test_a_verdict_to_roll_back_is_no_verdict_to_keep(stand: Stand, tmp_path: Path) -> None:
    """Crash between the verdict and the first write of the way back."""
    assert run(stand, SET_A, BREAK_WEB).state is UNDONE
    whole = entries(stand)
    (judged,) = [number for number, entry in enumerate(whole) if isinstance(entry, Judged)]
    assert closed(beside(stand, tmp_path / "x", whole[: judged + 1])).state is UNDONE


def run_undo(stand: Stand, tx: str = "") -> TransactionReport:
    """Of the last mitigation, or of this transaction."""
    which = Selector(tx=tx, last=not tx)
    with stand.ports() as ports:
        (report,) = undo(ports, which, accept_loss=True, observe=stand.observe).transactions
    return report


def beside(stand: Stand, folder: Path, kept: tuple[Entry, ...]) -> Stand:
    """Another process on the same cluster, with a journal of its own."""
    folder.mkdir()
    other = Stand(stand.twin, FaultyCluster(stand.twin), folder, limits=stand.limits)
    rewrite(other, kept)
    return other


def rewrite(stand: Stand, kept: tuple[Entry, ...]) -> None:
    path = stand.folder / "journal.jsonl"
    with FileJournal(path, stand.twin.identity(), redactor=Redactor(b"test")) as journal:
        for entry in kept:
            journal.append(entry)


def test_somebody_changed_our_field_after_the_crash(stand: Stand) -> None:
    """Theirs is kept, what is still ours is restored, and a human is told exactly what is left."""
    crash(stand, 2, "after", SET_B, SET_A)
    edit(stand.twin, SETTINGS, labels={"a": "theirs"})
    report = closed(stand)
    assert report.state is NEEDS_HUMAN
    assert len(report.unrestored) == 1
    assert "theirs" in report.unrestored[0]
    meta = get(stand, SETTINGS)["metadata"]
    assert meta["labels"] == {"a": "theirs"}
    assert "b" not in meta["annotations"]


def test_a_drifted_way_back_is_not_taken_for_a_change_of_ours(stand: Stand) -> None:
    """Crash after a roll-back write, then somebody else sets the field: it stays theirs."""
    crash(stand, 3, "after", SET_A, BREAK_WEB)
    edit(stand.twin, SETTINGS, labels={"c": "theirs"})
    web = Ref("Deployment", "shop", "web", "apps/v1")
    item = get(stand, web)
    item["spec"]["template"]["spec"]["containers"][0]["image"] = "stratus/app:2"
    stand.twin.replace(item)
    report = closed(stand)
    assert report.state is NEEDS_HUMAN
    found = get(stand, web)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert found == "stratus/app:2"
    assert get(stand, SETTINGS)["metadata"]["labels"] == {"c": "theirs"}


def test_somebody_made_what_we_wanted_to_create(stand: Stand) -> None:
    """Our create never arrived; an object of that name is theirs and is left alone."""
    crash(stand, 1, "before", NEW)
    item = stand.twin.apply({**NEW, "data": {"k": "v"}}, "somebody-else")
    assert closed(stand).state is BLOCKED
    assert get(stand, NOTES)["metadata"]["uid"] == item["metadata"]["uid"]


def test_it_is_not_finished_over_somebody_elses_work(stand: Stand) -> None:
    crash(stand, 1, "after", SET_A, SET_B)
    edit(stand.twin, SETTINGS, labels={"a": "theirs"})
    assert closed(stand, "finish").state is NEEDS_HUMAN
    assert "b" not in get(stand, SETTINGS)["metadata"]["annotations"]


def test_finishing_locks_every_namespace_of_the_plan(stand: Stand) -> None:
    """Also one that no intent names yet."""
    stand.twin.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "aside"}},
    )
    stand.twin.create({**NEW, "metadata": {"name": "notes", "namespace": "aside"}})
    crash(stand, 1, "after", SET_A, "kubectl -n aside label configmap/notes x=y")
    seen: list[bool] = []
    aside = Ref("Lease", "aside", "stratus", "coordination.k8s.io/v1")
    stand.cluster.before_write = lambda ref: seen.append(stand.twin.get(aside) is not None)
    closed(stand, "finish")
    assert seen
    assert all(seen)


def test_an_old_one_is_asked_about_and_stays_open(stand: Stand) -> None:
    crash(stand, 1, "after", SET_A)
    stand.twin.advance(16 * 60)
    stand.operator.sure = False
    report = recovered(stand, "ask")
    assert report.open
    assert "nobody agreed" in report.why
    stand.operator.sure = True
    assert closed(stand, "ask").state is UNDONE


def test_the_lease_of_the_dead_process_is_taken_over_at_once(stand: Stand) -> None:
    """The journal's lock is ours, so whoever held the Lease for this transaction is dead."""
    left: list[Item] = []

    def keep(ref: Ref) -> None:
        left.append(get(stand, LEASE))

    stand.cluster.before_write = keep
    crash(stand, 1, "after", SET_A)
    stand.twin.create(left[0])  # as if it had never been given back
    assert closed(stand).state is UNDONE


@pytest.mark.parametrize("last", ["begin", "baseline", "intent", "judged", "end"])
def test_a_dead_process_leaves_no_lock_behind_for_its_own_journal(stand: Stand, last: str) -> None:
    """Recovered, or closed already: the next transaction does not wait for the Lease to run out."""
    left: list[Item] = []
    stand.cluster.before_write = lambda ref: left.append(get(stand, LEASE))
    assert run(stand, SET_A).state is COMMITTED
    stand.cluster.before_write = lambda ref: None
    whole = entries(stand)
    kinds = [type(entry).__name__.lower() for entry in whole]
    other = beside(stand, stand.folder / "other", whole[: kinds.index(last) + 1])
    if last in ("begin", "baseline"):
        edit(stand.twin, SETTINGS, labels={})
    stand.twin.create(left[0])  # as the killed process left it
    started = stand.twin.now()
    if last != "end":
        closed(other)
        assert stand.twin.get(LEASE) is None
    assert run(other, SET_B).state is COMMITTED
    assert (stand.twin.now() - started).total_seconds() < 30


def test_the_lease_of_somebody_else_leaves_it_open(stand: Stand) -> None:
    crash(stand, 1, "after", SET_A)
    now = stand.reading().clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "bob tx-9", "leaseDurationSeconds": 30, "renewTime": now}
    stand.twin.create(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "stratus", "namespace": "shop"},
            "spec": spec,
        }
    )
    report = recovered(stand)
    assert report.open
    assert "bob" in report.why
    assert get(stand, SETTINGS)["metadata"]["labels"] == {"a": "1"}


def test_an_unreachable_cluster_leaves_it_open(stand: Stand) -> None:
    crash(stand, 1, "after", SET_A)

    def away(ref: Ref) -> None:
        raise ClusterUnreachable("no answer")

    stand.cluster.before_read = away
    assert recovered(stand).open
    stand.cluster.before_read = lambda ref: None
    assert closed(stand).state is UNDONE


# In the process itself


@pytest.mark.parametrize("line", [SET_A, DELETE_ROOM, NEW], ids=["update", "delete", "create"])
@pytest.mark.parametrize("fault", ["timeout", "error", "unreachable"])
@pytest.mark.parametrize("when", ["applied", "lost"])
def test_a_lost_answer_to_any_kind_of_write(
    stand: Stand, line: str | Item, fault: str, when: str
) -> None:
    """500 may come after the write was stored, as etcd's time-outs do."""
    before = state(stand.twin)
    stand.cluster.faults = {1: f"{fault}-{when}"}
    done = run(stand, line)
    assert done.state is (COMMITTED if when == "applied" else BLOCKED), done.why
    assert (state(stand.twin) == before) is (when == "lost")


@pytest.mark.parametrize("fault", ["timeout", "unreachable"])
def test_a_write_whose_fate_stays_unknown_is_never_called_undone(stand: Stand, fault: str) -> None:
    """It was made, and then the API server was away for longer than we wait."""
    before = state(stand.twin)
    stand.cluster.faults = {1: f"{fault}-applied"}
    plan = plan_of(stand, SET_A)

    def away(ref: Ref) -> None:
        if stand.cluster.writes:
            raise ClusterUnreachable("no answer")

    stand.cluster.before_read = away
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.open
    stand.cluster = FaultyCluster(stand.twin)
    assert closed(stand).state is UNDONE
    assert state(stand.twin) == before


def test_a_request_that_arrives_late_is_taken_back(stand: Stand) -> None:
    """Found not applied, then applied after all, while the roll-back is on its way."""
    before = state(stand.twin)
    plan = plan_of(stand, SET_B, NEW)
    stand.cluster.faults = {2: "timeout-lost"}

    def arrive(ref: Ref) -> None:
        if stand.cluster.writes == 3 and stand.twin.get(NOTES) is None:
            stand.twin.create(NEW)

    stand.cluster.after_write = arrive
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is UNDONE, done.why
    assert state(stand.twin) == before


def test_a_delete_is_remembered_when_waiting_for_its_end_fails(stand: Stand) -> None:
    before = state(stand.twin)
    plan = plan_of(stand, DELETE_ROOM)
    failed: list[Ref] = []

    def fail(ref: Ref) -> None:
        if stand.cluster.writes == 1 and ref.kind == "ResourceQuota" and not failed:
            failed.append(ref)
            raise ClusterUnreachable("no answer")

    stand.cluster.before_read = fail
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert failed
    assert done.state is UNDONE, done.why
    assert state(stand.twin) == before


def test_a_deletion_that_a_finalizer_holds_is_told(stand: Stand) -> None:
    """It can neither be waited for nor taken back."""
    plan = plan_of(stand, DELETE_ROOM, BREAK_WEB)

    def hold(ref: Ref) -> None:
        item = get(stand, ROOM)
        if not item["metadata"].get("finalizers"):
            item["metadata"]["finalizers"] = ["example.com/hold"]
            stand.twin.replace(item)

    stand.cluster.before_write = hold
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is NEEDS_HUMAN, done.why
    assert any("deletionTimestamp" in line for line in done.unrestored)


def test_an_object_that_somebody_deletes_is_not_written_to(stand: Stand) -> None:
    plan = plan_of(stand, SET_A)
    item = get(stand, SETTINGS)
    item["metadata"]["finalizers"] = ["example.com/hold"]
    stand.twin.replace(item)
    stand.twin.delete(SETTINGS, uid="")
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is BLOCKED
    assert "deleting" in done.why


def test_a_roll_back_outlasts_a_busy_server(stand: Stand) -> None:
    before = state(stand.twin)
    stand.cluster.faults = {3: "error", 4: "conflict", 5: "unreachable", 6: "timeout-lost"}
    assert run(stand, SET_A, BREAK_WEB).state is UNDONE
    assert state(stand.twin) == before


def test_what_the_server_refuses_to_restore_is_told(stand: Stand) -> None:
    stand.cluster.faults = {3: "forbidden"}  # a ConfigMap goes back first
    done = run(stand, SET_A, BREAK_WEB)
    assert done.state is NEEDS_HUMAN
    assert len(done.unrestored) == 1
    assert "labels" in done.unrestored[0]


def test_fields_that_nobody_else_touched_are_restored_beside_a_conflict(stand: Stand) -> None:
    """Ours is restored where it still is ours, in one object."""
    web = Ref("Deployment", "shop", "web", "apps/v1")

    def theirs(ref: Ref) -> None:
        if stand.cluster.writes == 1:
            edit(stand.twin, web, labels={"a": "theirs"})

    stand.cluster.after_write = theirs
    patch = '{"metadata": {"labels": {"a": "1"}}, "spec": {"replicas": 0}}'
    done = run(stand, f"kubectl -n shop patch deployment/web --type=merge -p '{patch}'")
    assert done.state is NEEDS_HUMAN
    item = get(stand, web)
    assert item["spec"]["replicas"] == 2
    assert item["metadata"]["labels"]["a"] == "theirs"


def test_the_second_interrupt_leaves_it_open(stand: Stand) -> None:
    before = state(stand.twin)
    for number, when in ((1, "after"), (1, "before"), (2, "after")):
        stand.cluster = FaultyCluster(stand.twin)
        stand.cluster.faults = {number: f"interrupt-{when}"}
        with pytest.raises(KeyboardInterrupt):
            run(stand, SET_A, BREAK_WEB)
        stand.cluster = FaultyCluster(stand.twin)
        closed(stand)
        assert state(stand.twin) == before


@pytest.mark.parametrize("record", range(2, 12))
def test_a_journal_that_fails_leaves_nothing_that_recover_cannot_close(
    stand: Stand, record: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the n-th record on the disk is full: no write without an intent, and nothing is lost."""
    before = state(stand.twin)
    count = {"appended": 0}
    append = FileJournal.append

    def failing(self: FileJournal, entry: Entry) -> None:
        count["appended"] += 1
        if count["appended"] >= record:
            raise JournalError("the journal cannot be written (disk full)", self.path, "")
        append(self, entry)

    plan = plan_of(stand, SET_A, BREAK_WEB)
    with monkeypatch.context() as patched:
        patched.setattr(FileJournal, "append", failing)
        with stand.ports() as ports:
            try:
                done = execute_plan(plan, ports, stand.observe)
            except JournalError:
                assert stand.cluster.writes == 0
            else:
                assert done.open
    intents = [entry for entry in entries(stand) if isinstance(entry, Intent)]
    assert stand.cluster.writes == len(intents)
    stand.cluster = FaultyCluster(stand.twin)
    assert closed(stand).state in (UNDONE, BLOCKED)
    assert state(stand.twin) == before
    assert len(recorded(stand)) == 1
