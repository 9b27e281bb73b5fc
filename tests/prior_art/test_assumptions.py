"""E2. Where the assumptions of TNR's theorem fail on real Kubernetes, and what holds instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stratus_cli.cli.exits import exit_code
from stratus_cli.flow.mitigate import execute_plan, watch_after
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.recover import recover
from stratus_cli.kube.graph import Graph
from stratus_cli.model.errors import ClusterUnreachable, Refused
from stratus_cli.model.ports import Policy
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import Report
from stratus_cli.model.snapshot import Snapshot
from tests.fakes.faulty import Crash, FaultyCluster
from tests.flow.small import CART, LEASE, SETTINGS, WEB, edit, get, run, small, state
from tests.flow.stand import Stand
from tests.flow.worlds import app, broken_image, world
from tests.prior_art.common import (
    BLOCKED,
    BREAK_WEB,
    COMMITTED,
    FIX,
    LABEL,
    NEEDS_HUMAN,
    NOTE,
    UNDONE,
    Told,
    by_hand,
    repair,
    take_back,
    write,
)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


# 1. Others write, too


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "shop:x"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}},
        {
            "ownerReferences": [
                {
                    "apiVersion": "shops.example/v1",
                    "kind": "Shop",
                    "name": "main",
                    "uid": "u",
                    "controller": True,
                }
            ]
        },
    ],
)
def test_what_somebody_reconciles_is_handed_over(
    tmp_path: Path, metadata: dict[str, object]
) -> None:
    """1: GitOps and operators would revert it; the refusal names them.

    Where the owner cannot be read, a person decides, and --auto refuses.
    """
    stand = Stand.make(tmp_path, world(app("cart", metadata=metadata)))
    stand.policy = Policy(auto=True)
    line = "kubectl -n shop set image deployment/cart app=stratus/app:2"
    made = plan_from_lines([line], stand.reading(), Graph(stand.observe()), "shop")
    assert made.plan is None
    assert made.refusal is not None
    assert made.refusal.check == "owner"


def test_a_write_between_read_and_write_is_never_lost(stand: Stand) -> None:
    """1: each write carries uid and resourceVersion; who was faster keeps what they wrote."""
    stand.cluster.faults = {1: "drift"}
    stand.cluster.drift = lambda cluster, ref: edit(cluster, ref, annotations={"theirs": "1"})
    assert run(stand, LABEL).state is COMMITTED
    meta = get(stand, SETTINGS)["metadata"]
    assert meta["labels"]["a"] == "1"
    assert meta["annotations"]["theirs"] == "1"


def test_drift_in_our_field_is_refused_in_the_write_and_in_the_undo(stand: Stand) -> None:
    """1: a third party is never overwritten."""
    plan = by_hand(stand, FIX)
    spec = get(stand, CART)["spec"]
    spec["template"]["spec"]["containers"][0]["image"] = "stratus/app:2"
    write(stand, CART, spec=spec)
    with stand.ports() as ports:
        assert execute_plan(plan, ports, stand.observe).state is BLOCKED
    assert stand.cluster.writes == 0
    assert run(stand, LABEL).state is COMMITTED
    edit(stand.twin, SETTINGS, labels={"a": "theirs"})
    with pytest.raises(Refused, match="theirs"):
        take_back(stand)


# 2. Undo needs proof


def test_undo_is_proved_by_reading_or_not_claimed(stand: Stand) -> None:
    """2: what does not read back is NEEDS_HUMAN with the exact difference, and exit code 6."""

    def theirs(ref: Ref) -> None:
        if stand.cluster.writes == 1:
            edit(stand.twin, SETTINGS, labels={"a": "theirs"})

    stand.cluster.after_write = theirs
    done = run(stand, LABEL, BREAK_WEB)
    assert done.state is NEEDS_HUMAN
    assert done.unrestored
    report = Report("run", stand.twin.identity(), stand.twin.now(), transactions=(done,))
    assert exit_code(report) == 6


@pytest.mark.parametrize(
    "line", ["kubectl -n shop delete pvc/data", "kubectl delete namespace/shop"]
)
def test_the_irreversible_is_never_automatic(stand: Stand, line: str) -> None:
    """2: classified before anything is written."""
    made = plan_from_lines([line], stand.reading(), Graph(stand.observe()), "shop")
    assert made.plan is None


# 3. Unknown is not healthy


def test_what_cannot_be_measured_any_more_is_not_kept(stand: Stand) -> None:
    """3: telemetry that answered at the baseline, or the target's own pods."""
    assert repair(stand, FIX, sources=(Told(answers=2),)).state is UNDONE


def test_both_sides_are_measured_over_a_window(stand: Stand) -> None:
    """3: two samples before; after it the good state holds for the stability window."""
    looks: list[tuple[int, float]] = []
    plan = by_hand(stand, FIX)

    def observe() -> Snapshot:
        looks.append((stand.cluster.writes, stand.twin.elapsed_s()))
        return stand.observe()

    with stand.ports() as ports:
        assert execute_plan(plan, ports, observe).state is COMMITTED
    before = [at for writes, at in looks if not writes]
    after = [at for writes, at in looks if writes]
    assert len(before) >= 2
    assert after[-1] - after[0] >= stand.limits.stability_s


# 4. No trading


@pytest.mark.parametrize(
    "harm",
    [
        BREAK_WEB,
        "kubectl -n shop scale deployment/web --replicas=0",
        "kubectl -n shop delete service/web",
    ],
)
def test_one_unit_is_not_traded_for_another(stand: Stand, harm: str) -> None:
    """4: better here and worse there is undone; what vanished counts as worst."""
    before = state(stand.twin)
    done = repair(stand, FIX, harm)
    assert done.state is UNDONE, done.why
    assert state(stand.twin) == before


def test_taking_the_sick_away_is_no_cure(stand: Stand) -> None:
    """4: the sum would improve without it."""
    before = state(stand.twin)
    done = repair(stand, "kubectl -n shop scale deployment/cart --replicas=0")
    assert done.state in (UNDONE, BLOCKED), done.why
    assert state(stand.twin) == before


# 5. Drift that is nobody's fault


def test_what_happens_elsewhere_is_not_taken_for_our_fault(tmp_path: Path) -> None:
    """5: a pod of another workload dies and is replaced meanwhile: committed."""
    stand = Stand.make(tmp_path, broken_image(*app("calm", replicas=2)))

    def die(ref: Ref) -> None:
        pods = stand.twin.peek("Pod", "shop")
        name = next(p["metadata"]["name"] for p in pods if p["metadata"]["labels"]["app"] == "calm")
        stand.twin.delete(Ref("Pod", "shop", name, "v1"), uid="")

    stand.cluster.before_write = die
    assert repair(stand, FIX).state is COMMITTED


def test_what_heals_by_itself_is_not_our_merit(stand: Stand) -> None:
    """5: when the fault is gone before the first write, nothing is written."""
    plan = by_hand(stand, FIX)
    spec = get(stand, CART)["spec"]
    spec["template"]["spec"]["containers"][0]["env"] = []
    spec["template"]["spec"]["containers"][0]["image"] = "stratus/app:1"
    write(stand, CART, spec=spec)
    stand.twin.advance(60)
    with stand.ports() as ports:
        assert execute_plan(plan, ports, stand.observe).state is BLOCKED
    assert stand.cluster.writes == 0


# 6. Late regressions


def test_a_regression_after_the_commit_is_seen(stand: Stand) -> None:
    """6: the watch looks on, and says what became worse near the change."""
    plan = by_hand(stand, FIX)
    with stand.ports() as ports:
        assert execute_plan(plan, ports, stand.observe).state is COMMITTED
        assert watch_after(plan, ports, stand.observe, 30) == ()
        seen = 0

        def observe() -> Snapshot:
            nonlocal seen
            seen += 1
            if seen == 2:
                spec = get(stand, CART)["spec"]
                spec["template"]["spec"]["containers"][0]["image"] = "stratus/app:never"
                spec["strategy"] = {"type": "Recreate"}
                write(stand, CART, spec=spec)
            return stand.observe()

        assert any("cart" in reason for reason in watch_after(plan, ports, observe, 60))


# 7. Crashes


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_crash_around_a_write_is_settled_by_one_read(
    stand: Stand, number: int, when: str
) -> None:
    """7: the intent was on disk; recovered once or twice, it is as before, under a Lease."""
    before = state(stand.twin)
    stand.cluster.faults = {number: f"crash-{when}"}
    with pytest.raises(Crash):
        run(stand, LABEL, NOTE)
    stand.cluster = FaultyCluster(stand.twin)
    held: list[bool] = []
    stand.cluster.before_write = lambda ref: held.append(stand.twin.get(LEASE) is not None)
    with stand.ports() as ports:
        (report,) = recover(ports, "rollback", stand.observe).transactions
        assert report.state in (UNDONE, BLOCKED)
        assert recover(ports, "rollback", stand.observe).transactions == ()
    assert all(held)
    assert state(stand.twin) == before


# 8. The way back, always


def lost(stand: Stand) -> Callable[[], Snapshot]:
    """Looking fails once something was written."""

    def observe() -> Snapshot:
        if stand.cluster.writes == 1:
            raise ClusterUnreachable("no answer", "https://small.invalid")
        return stand.observe()

    return observe


def pressed(stand: Stand) -> Callable[[], Snapshot]:
    """Ctrl-C once something was written."""

    def observe() -> Snapshot:
        stand.interrupt.requested = stand.cluster.writes > 0
        return stand.observe()

    return observe


@pytest.mark.parametrize("make", [lost, pressed])
def test_time_out_ctrl_c_and_a_lost_api_server_roll_back(
    stand: Stand, make: Callable[[Stand], Callable[[], Snapshot]]
) -> None:
    """8: whatever ends the attempt, the way back is taken and proved."""
    before = state(stand.twin)
    plan = by_hand(stand, FIX)
    with stand.ports() as ports:
        assert execute_plan(plan, ports, make(stand)).state is UNDONE
    assert state(stand.twin) == before


def test_a_way_back_that_is_cut_off_is_loud(stand: Stand) -> None:
    """8: left open with exit code 6, never called undone; recover closes it later."""
    before = state(stand.twin)
    gone = False

    def read(ref: Ref) -> None:
        if gone:
            raise ClusterUnreachable("no answer", "https://small.invalid")

    def cut(ref: Ref) -> None:
        nonlocal gone
        gone = True

    stand.cluster.before_read, stand.cluster.after_write = read, cut
    done = run(stand, LABEL)
    assert done.open
    report = Report("run", stand.twin.identity(), stand.twin.now(), transactions=(done,))
    assert exit_code(report) == 6
    gone, stand.cluster.after_write = False, lambda ref: None
    with stand.ports() as ports:
        (closed,) = recover(ports, "rollback", stand.observe).transactions
    assert closed.state is UNDONE
    assert state(stand.twin) == before
    assert get(stand, WEB)
