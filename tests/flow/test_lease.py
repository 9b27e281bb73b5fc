"""The Lease: held while anything is written, renewed while waiting, and nothing without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.lease import DURATION_S, LeaseLost, Leases
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.recover import recover
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    Refused,
    RequestTimeout,
)
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from tests.fakes.faulty import FaultyCluster
from tests.flow.small import LEASE, SETTINGS, edit, get, plan_of, run, small, state
from tests.flow.stand import Stand

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
SET_A = "kubectl -n shop label configmap/settings a=1"
SET_B = "kubectl -n shop label deployment/web b=1"
BREAK_WEB = "kubectl -n shop set image deployment/web app=stratus/app:never"


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


class LeaseFaults(FaultyCluster):
    """Fails at writes of Leases, as the given function says."""

    fail: Callable[[str, Callable[[], Any]], Any] = staticmethod(lambda verb, call: call())

    def create(self, item: Any, *, dry_run: bool = False) -> Any:
        def call() -> Any:
            return FaultyCluster.create(self, item, dry_run=dry_run)

        return self.fail("create", call) if item["kind"] == "Lease" else call()

    def replace(self, item: Any, *, dry_run: bool = False) -> Any:
        def call() -> Any:
            return FaultyCluster.replace(self, item, dry_run=dry_run)

        return self.fail("replace", call) if item["kind"] == "Lease" else call()


def with_faults(stand: Stand, fail: Callable[[str, Callable[[], Any]], Any]) -> None:
    cluster = LeaseFaults(stand.twin)
    cluster.fail = fail
    stand.cluster = cluster


def lease(stand: Stand, holder: str, age_s: float = 0.0, **spec: object) -> None:
    """Somebody holds it since so long ago."""
    stand.twin.create(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "stratus", "namespace": "shop"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30, **spec},
        }
    )
    item = get(stand, LEASE)
    if "renewTime" not in spec:
        item["spec"]["renewTime"] = stand.twin.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stand.twin.replace(item)
    stand.twin.advance(age_s)


def steal(stand: Stand) -> None:
    """Somebody writes another holder into our Lease: its uid stays."""
    item = get(stand, LEASE)
    item["spec"]["holderIdentity"] = "bob tx-9"
    stand.twin.replace(item)


def test_every_write_happens_under_a_lease_that_is_valid(stand: Stand) -> None:
    seen: list[float] = []

    def check(ref: Ref) -> None:
        spec = get(stand, LEASE)["spec"]
        assert spec["holderIdentity"].startswith("alice@test tx-")
        seen.append(left_s(stand))

    stand.cluster.before_write = check
    assert run(stand, SET_A, SET_B, BREAK_WEB).state is UNDONE
    assert len(seen) == 6
    assert min(seen) >= 5
    assert stand.twin.get(LEASE) is None


def left_s(stand: Stand) -> float:
    from datetime import datetime

    renewed = datetime.fromisoformat(get(stand, LEASE)["spec"]["renewTime"])
    return DURATION_S - (stand.twin.now() - renewed).total_seconds()


def test_it_is_renewed_while_settling(stand: Stand) -> None:
    """Settling takes longer than the Lease lasts; it never runs out meanwhile."""
    from dataclasses import replace

    stand.limits = replace(stand.limits, budget_s=160.0)
    lasting: list[float] = []
    plan = plan_of(stand, BREAK_WEB)

    def observe() -> Any:
        if stand.cluster.writes:
            lasting.append(left_s(stand))
        return stand.observe()

    with stand.ports() as ports:
        done = execute_plan(plan, ports, observe)
    assert done.state is UNDONE
    assert len(lasting) * 2 > DURATION_S
    assert min(lasting) > 0


def test_it_is_renewed_while_waiting_for_a_deletion(stand: Stand) -> None:
    room = Ref("ResourceQuota", "shop", "room", "v1")
    plan = plan_of(stand, "kubectl -n shop delete resourcequota/room", SET_A)

    def hold(ref: Ref) -> None:
        item = stand.twin.get(room)
        if item is not None and not item["metadata"].get("finalizers"):
            item["metadata"]["finalizers"] = ["example.com/hold"]
            stand.twin.replace(item)
        elif ref == SETTINGS:
            assert left_s(stand) >= 5

    stand.cluster.before_write = hold
    with stand.ports() as ports:
        execute_plan(plan, ports, stand.observe)


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("how", ["stolen", "deleted"])
def test_a_lost_lease_in_the_middle_stops_everything(stand: Stand, after: int, how: str) -> None:
    """Not even the roll-back goes on; the transaction stays open; recover closes it."""
    before = state(stand.twin)

    def lose(ref: Ref) -> None:
        if stand.cluster.writes == after:
            if how == "stolen":
                steal(stand)
            else:
                stand.twin.delete(LEASE, uid="")

    stand.cluster.after_write = lose
    done = run(stand, SET_A, SET_B, BREAK_WEB)
    assert done.open
    assert "lock was lost" in done.why
    assert stand.cluster.writes == after
    assert (stand.twin.get(LEASE) is not None) is (how == "stolen"), "theirs is not deleted"
    stand.twin.advance(60)
    stand.cluster = FaultyCluster(stand.twin)
    report = recovered(stand)
    assert report.state is UNDONE
    assert not report.open
    assert state(stand.twin) == before


def recovered(stand: Stand) -> TransactionReport:
    with stand.ports() as ports:
        (report,) = recover(ports, "rollback", stand.observe).transactions
    return report


def test_a_lost_lease_stops_an_undo(stand: Stand) -> None:
    assert run(stand, SET_A, SET_B).state is COMMITTED
    stand.cluster = FaultyCluster(stand.twin, after_write=lambda ref: steal(stand))
    with stand.ports() as ports:
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert report.transactions[0].open
    assert stand.cluster.writes == 1


def test_what_is_lost_stays_lost(stand: Stand) -> None:
    """Even when nobody holds it any more, and even for other namespaces."""
    ports = stand.reading()
    with Leases(ports, "tx-1", {"shop", "default"}) as leases:
        leases.check()
        stand.twin.delete(LEASE, uid="")
        for _ in range(3):
            with pytest.raises(LeaseLost):
                leases.check()


def test_leases_are_taken_in_the_order_of_names_and_given_back(stand: Stand) -> None:
    with Leases(stand.reading(), "tx-1", {"shop", "", "default"}):
        held = [item["metadata"]["namespace"] for item in stand.twin.peek("Lease")]
        assert sorted(held) == ["default", "kube-system", "shop"]
    assert not stand.twin.peek("Lease")


def test_when_the_second_is_held_the_first_is_given_back(stand: Stand) -> None:
    lease(stand, "bob tx-9")
    with pytest.raises(Refused, match="bob"), Leases(stand.reading(), "tx-1", {"default", "shop"}):
        pass
    (left,) = stand.twin.peek("Lease")
    assert left["spec"]["holderIdentity"] == "bob tx-9"


def test_an_expired_one_is_taken_over(stand: Stand) -> None:
    lease(stand, "bob tx-9", age_s=31)
    with Leases(stand.reading(), "tx-1", {"shop"}):
        spec = get(stand, LEASE)["spec"]
        assert spec["holderIdentity"] == "alice@test tx-1"
        assert spec["leaseTransitions"] == 1


@pytest.mark.parametrize("skew_s", [-3000, -31, 31, 3000])
def test_clocks_that_differ_do_not_let_two_write(stand: Stand, skew_s: float) -> None:
    """The living holder's clock is wrong by so much: it renews, and the second one sees that."""
    lease(stand, "bob tx-9", renewTime=stamp(stand, skew_s))
    renewed = [stand.twin.now()]

    def renew(ref: Ref) -> None:
        """As a holder does: every 10 s, by its own clock."""
        if stand.twin.now() - renewed[-1] >= timedelta(seconds=10):
            renewed.append(stand.twin.now())
            item = get(stand, LEASE)
            item["spec"]["renewTime"] = stamp(stand, skew_s)
            stand.twin.replace(item)

    stand.cluster.before_read = renew
    with pytest.raises(Refused, match="bob"), Leases(stand.reading(), "tx-1", {"shop"}):
        pass
    assert get(stand, LEASE)["spec"]["holderIdentity"] == "bob tx-9"


@pytest.mark.parametrize("skew_s", [-3000, -31, 31, 3000, 10**8])
def test_a_dead_holder_whose_clock_was_wrong_blocks_nobody_for_long(
    stand: Stand, skew_s: float
) -> None:
    """However far ahead or behind: watched for as long as a Lease lasts, then taken."""
    lease(stand, "bob tx-9", renewTime=stamp(stand, skew_s))
    started = stand.twin.now()
    with Leases(stand.reading(), "tx-1", {"shop"}):
        assert get(stand, LEASE)["spec"]["holderIdentity"] == "alice@test tx-1"
    assert DURATION_S <= (stand.twin.now() - started).total_seconds() <= DURATION_S + 5


def test_a_lease_from_yesterday_is_not_waited_for(stand: Stand) -> None:
    lease(stand, "bob tx-9", renewTime=stamp(stand, -86400))
    started = stand.twin.now()
    with Leases(stand.reading(), "tx-1", {"shop"}):
        assert stand.twin.now() == started


def test_ctrl_c_ends_the_watch_over_a_lease(stand: Stand) -> None:
    lease(stand, "bob tx-9", renewTime=stamp(stand, -60))
    stand.interrupt.requested = True
    with pytest.raises(Refused, match="bob"), Leases(stand.reading(), "tx-1", {"shop"}):
        pass


def stamp(stand: Stand, skew_s: float) -> str:
    """What a clock that is so much ahead shows now."""
    return (stand.twin.now() + timedelta(seconds=skew_s)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    "spec",
    [
        {"renewTime": "not a time"},
        {"renewTime": 7},
        {"leaseDurationSeconds": "x", "renewTime": "2020-01-01T00:00:00Z"},
        {"leaseDurationSeconds": 10**18, "renewTime": "2020-01-01T00:00:00"},
        {"leaseTransitions": "many", "renewTime": None},
    ],
)
def test_a_lease_that_says_nonsense_has_expired(stand: Stand, spec: dict[str, Any]) -> None:
    lease(stand, "bob tx-9", **spec)
    with Leases(stand.reading(), "tx-1", {"shop"}) as leases:
        leases.check()


@pytest.mark.parametrize("verb", ["create", "replace"])
def test_a_lost_answer_while_taking_it(stand: Stand, verb: str) -> None:
    """It was taken all the same: it is used, and given back."""
    if verb == "replace":
        lease(stand, "bob tx-9", age_s=31)

    def fail(given: str, call: Callable[[], Any]) -> Any:
        call()
        raise RequestTimeout(504, "Timeout", "no answer in time")

    with_faults(stand, fail)
    with Leases(stand.reading(), "tx-1", {"shop"}) as leases:
        leases.check()
    assert stand.twin.get(LEASE) is None


@pytest.mark.parametrize(
    "error",
    [
        RequestTimeout(504, "Timeout", "no answer in time"),
        ClusterAnswer(500, "InternalError", "the server failed"),
        ClusterUnreachable("no answer"),
        Conflict(409, "Conflict", "moved"),
        Forbidden(403, "Forbidden", "not allowed any more"),
    ],
)
def test_a_renewal_that_fails_is_a_loss_only_when_time_runs_out(
    stand: Stand, error: Exception
) -> None:
    """Renewed below 20 s, stopped below 5 s."""

    def fail(verb: str, call: Callable[[], Any]) -> Any:
        if verb == "replace":
            raise error
        return call()

    with_faults(stand, fail)
    with Leases(stand.reading(), "tx-1", {"shop"}) as leases:
        stand.twin.advance(24)
        leases.check()
        stand.twin.advance(2)
        with pytest.raises(LeaseLost):
            leases.check()


def test_a_renewal_beats_a_label_of_somebody_else(stand: Stand) -> None:
    """The Lease moved, and is ours all the same."""
    with Leases(stand.reading(), "tx-1", {"shop"}) as leases:
        edit(stand.twin, LEASE, labels={"theirs": "1"})
        stand.twin.advance(15)
        leases.check()
        assert left_s(stand) == DURATION_S


def test_where_no_lease_may_be_written_a_person_decides(stand: Stand) -> None:
    def fail(verb: str, call: Callable[[], Any]) -> Any:
        raise Forbidden(403, "Forbidden", "leases are not for you")

    with_faults(stand, fail)
    stand.operator.sure = False
    with pytest.raises(Refused, match="no lock"):
        run(stand, SET_A)
    assert stand.cluster.writes == 0
    stand.operator.sure = True
    assert run(stand, SET_A).state is COMMITTED


def test_two_transactions_do_not_interleave(stand: Stand, tmp_path: Path) -> None:
    """The other one has its own journal, and starts between two of our writes."""
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = Stand(stand.twin, FaultyCluster(stand.twin), other_folder, limits=stand.limits)
    plan = plan_of(other, SET_B)
    refused: list[str] = []

    def intrude(ref: Ref) -> None:
        with pytest.raises(Refused) as error, other.ports() as ports:
            execute_plan(plan, ports, other.observe)
        refused.append(error.value.what)

    stand.cluster.after_write = intrude
    assert run(stand, SET_A).state is COMMITTED
    assert len(refused) == 1
    assert "alice@test tx-" in refused[0]
    assert other.cluster.writes == 0
