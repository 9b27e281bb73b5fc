"""One plan on the twin: what is written, what is journaled first, and every way it can end."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.recover import open_transactions, recover
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.journal.file import read_entries
from stratus_cli.journal.replay import transactions
from stratus_cli.model.entry import Done, Intent
from stratus_cli.model.errors import Refused
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ports import Cluster
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot
from tests.fakes.faulty import Crash, FaultyCluster
from tests.flow.stand import CART, Stand

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
BLOCKED, NEEDS_HUMAN = TransactionState.BLOCKED, TransactionState.NEEDS_HUMAN


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand.make(tmp_path)


def scale(cluster: Cluster, ref: Ref, replicas: int) -> None:
    """A third party changes what no plan here touches."""
    item = cluster.get(ref)
    assert item is not None
    item["spec"]["replicas"] = replicas
    cluster.replace(item)


def set_image(cluster: Cluster, ref: Ref, image: str) -> None:
    item = cluster.get(ref)
    assert item is not None
    item["spec"]["template"]["spec"]["containers"][0]["image"] = image
    cluster.replace(item)


def image(stand: Stand) -> str:
    item = stand.twin.get(CART)
    assert item is not None
    text: str = item["spec"]["template"]["spec"]["containers"][0]["image"]
    return text


def test_a_right_fix_is_committed_and_its_undo_restores_the_fault(stand: Stand) -> None:
    """plan -> do -> verify -> undo -> state equals before."""
    before, faulty = stand.spec(), image(stand)
    with stand.ports() as ports:
        done = execute_plan(stand.plan(), ports, stand.observe)
        assert done.state is COMMITTED, done.why
        assert done.writes == 1
        assert image(stand) != faulty
        assert not stand.look().incidents
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert report.transactions[0].state is COMMITTED
    assert stand.spec() == before
    recorded = transactions(read_entries(tmp(stand)))
    assert recorded[0].undone_by == recorded[1].id


def test_an_undo_can_be_undone(stand: Stand) -> None:
    with stand.ports() as ports:
        execute_plan(stand.plan(), ports, stand.observe)
        fixed = stand.spec()
        first = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
        again = Selector(tx=first.transactions[0].id)
        undo(ports, again, accept_loss=True, observe=stand.observe)
    assert stand.spec() == fixed


def test_the_intent_is_on_disk_before_the_call(stand: Stand) -> None:
    """Every write has an intent on disk from before it."""
    seen: list[int] = []

    def check(ref: Ref) -> None:
        entries = read_entries(tmp(stand))
        intents = [item for item in entries if isinstance(item, Intent)]
        dones = [item for item in entries if isinstance(item, Done)]
        assert intents[-1].ref == ref
        seen.append(len(intents) - len(dones))

    stand.cluster.before_write = check
    with stand.ports() as ports:
        execute_plan(stand.plan(), ports, stand.observe)
    assert seen == [1]


@pytest.mark.parametrize("fault", ["forbidden", "error", "unreachable", "timeout-lost"])
def test_a_write_that_fails_leaves_everything_as_before(stand: Stand, fault: str) -> None:
    before = stand.spec()
    stand.cluster.faults = {1: fault}
    with stand.ports() as ports:
        done = execute_plan(stand.plan(), ports, stand.observe)
    assert done.state is BLOCKED, done.why
    assert done.writes == 0
    assert stand.spec() == before


@pytest.mark.parametrize("fault", ["conflict", "timeout-applied"])
def test_a_conflict_or_a_lost_answer_is_no_failure(stand: Stand, fault: str) -> None:
    stand.cluster.faults = {1: fault}
    with stand.ports() as ports:
        done = execute_plan(stand.plan(), ports, stand.observe)
    assert done.state is COMMITTED, done.why
    assert done.writes == 1


def test_five_conflicts_are_enough(stand: Stand) -> None:
    before = stand.spec()
    stand.cluster.faults = dict.fromkeys(range(1, 6), "conflict")
    with stand.ports() as ports:
        done = execute_plan(stand.plan(), ports, stand.observe)
    assert done.state is BLOCKED
    assert stand.cluster.writes == 5
    assert stand.spec() == before


def test_a_changed_object_is_not_written_to(stand: Stand) -> None:
    """The fields the plan depends on moved after it was made: BLOCKED, nothing written."""
    plan = stand.plan()
    set_image(stand.twin, CART, "stratus/app:other")
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is BLOCKED
    assert "image" in done.why
    assert stand.cluster.writes == 0
    assert image(stand) == "stratus/app:other"


def test_a_third_party_edit_elsewhere_is_kept(stand: Stand) -> None:
    """Ours is undone, theirs stays."""
    faulty = image(stand)
    with stand.ports() as ports:
        execute_plan(stand.plan(), ports, stand.observe)
        scale(stand.twin, CART, 3)
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert report.transactions[0].state is COMMITTED
    item = stand.twin.get(CART)
    assert item is not None
    assert item["spec"]["replicas"] == 3
    assert image(stand) == faulty


def test_an_overlapping_edit_is_refused_with_both_shown(stand: Stand) -> None:
    with stand.ports() as ports:
        execute_plan(stand.plan(), ports, stand.observe)
        fixed = image(stand)
        set_image(stand.twin, CART, "stratus/app:theirs")
        writes = stand.cluster.writes
        with pytest.raises(Refused) as refused:
            undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert fixed in refused.value.where
    assert "stratus/app:theirs" in refused.value.where
    assert stand.cluster.writes == writes


@pytest.mark.parametrize("fault", ["crash-before", "crash-after"])
@pytest.mark.parametrize("mode", ["ask", "rollback", "finish"])
def test_a_crash_around_the_write_is_recovered(stand: Stand, fault: str, mode: str) -> None:
    """kill -9 between intent and write, and between write and done."""
    before = stand.spec()
    plan = stand.plan()
    stand.cluster.faults = {1: fault}
    with pytest.raises(Crash), stand.ports() as ports:
        execute_plan(plan, ports, stand.observe)
    assert len(open_transactions(read_entries(tmp(stand)))) == 1
    stand.cluster = FaultyCluster(stand.twin)
    stand.twin.advance(60)  # the dead holder's Lease runs out
    with stand.ports() as ports:
        report = recover(ports, mode, stand.observe)
    state = report.transactions[0].state
    if mode == "finish":
        assert state is COMMITTED, report.transactions[0].why
        assert not stand.look().incidents
    else:
        assert state is (BLOCKED if fault == "crash-before" else UNDONE)
        assert stand.spec() == before
    assert not open_transactions(read_entries(tmp(stand)))


def test_a_change_that_makes_nothing_better_is_undone(stand: Stand) -> None:
    from stratus_cli.flow.plan import plan_from_lines

    before = stand.spec()
    seen = stand.look()
    made = plan_from_lines(
        ["kubectl -n shop set image deployment/cart app=stratus/app:also-not-there"],
        stand.reading(),
        seen.detection.graph,
        "shop",
        seen.incidents[0],
    )
    assert made.plan is not None, made.refusal
    with stand.ports() as ports:
        done = execute_plan(made.plan, ports, stand.observe)
    assert done.state is UNDONE, done.why
    assert stand.spec() == before


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("kubectl -n shop scale deployment/cart --replicas=0", BLOCKED),
        ("kubectl -n shop scale deployment/frontend --replicas=0", UNDONE),
    ],
)
def test_scaling_away_is_never_a_repair(stand: Stand, line: str, state: TransactionState) -> None:
    """A unit that goes to zero counts as worst.

    It is refused where ready pods of a former revision, as the cart's, would not come back.
    """
    from stratus_cli.flow.plan import plan_from_lines

    before = stand.spec(), stand.spec(Ref("Deployment", "shop", "frontend", "apps/v1"))
    seen = stand.look()
    made = plan_from_lines([line], stand.reading(), seen.detection.graph, "shop", seen.incidents[0])
    assert made.plan is not None, made.refusal
    with stand.ports() as ports:
        done = execute_plan(made.plan, ports, stand.observe)
    assert done.state is state, done.why
    after = stand.spec(), stand.spec(Ref("Deployment", "shop", "frontend", "apps/v1"))
    assert after == before


def test_an_interrupt_rolls_back(stand: Stand) -> None:
    before = stand.spec()

    def press(ref: Ref) -> None:
        stand.interrupt.requested = True

    stand.cluster.before_write = press
    with stand.ports() as ports:
        done = execute_plan(stand.plan(), ports, stand.observe)
    assert done.state is UNDONE
    assert "interrupted" in done.why
    assert stand.spec() == before


def test_a_conflicting_edit_during_the_transaction_needs_a_human(stand: Stand) -> None:
    """Somebody changes the same field while we wait: theirs is never overwritten."""
    plan = stand.plan()
    count = {"seen": 0}

    def observe() -> Snapshot:
        count["seen"] += 1
        if count["seen"] == 4:  # two looks for the baseline, then the second while settling
            set_image(stand.twin, CART, "stratus/app:theirs")
        return stand.observe()

    with stand.ports() as ports:
        done = execute_plan(plan, ports, observe)
    assert done.state is NEEDS_HUMAN, done.why
    assert any("stratus/app:theirs" in line for line in done.unrestored)
    assert image(stand) == "stratus/app:theirs"


def test_the_lock_of_another_engineer_is_respected(stand: Stand) -> None:
    """The second is told who and since when; nothing is written."""
    twin = stand.twin
    now = stand.reading().clock.now()
    text = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    twin.create(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "stratus", "namespace": "shop"},
            "spec": {
                "holderIdentity": "bob@laptop tx-1",
                "leaseDurationSeconds": 30,
                "acquireTime": text,
                "renewTime": text,
            },
        }
    )
    plan = stand.plan()
    with stand.ports() as ports, pytest.raises(Refused) as refused:
        execute_plan(plan, ports, stand.observe)
    assert "bob@laptop" in refused.value.what
    assert stand.cluster.writes == 0
    twin.advance(60)
    with stand.ports() as ports:
        assert execute_plan(plan, ports, stand.observe).state is COMMITTED
    assert twin.get(Ref("Lease", "shop", "stratus", "coordination.k8s.io/v1")) is None


def tmp(stand: Stand) -> Path:
    return stand.folder / "journal.jsonl"
