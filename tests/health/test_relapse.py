"""A container that kept ending before the change ends once more: its old illness, or new harm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stratus_cli.health.relapse import Relapses
from stratus_cli.health.verdict import judge
from stratus_cli.kube.graph import Graph
from stratus_cli.model.health import Decision
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Signals, TracedCall
from tests.cases.loader import snapshot
from tests.health.samples import (
    BROKEN,
    CART,
    CART_SERVICE,
    FAR,
    GATE,
    PAY,
    PAY_SERVICE,
    WELL,
    a_service,
    deployment,
    endpoints,
    health,
    pod,
    replica_set,
    service,
    workload,
)

WRITE = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
REACHED = (PAY, PAY_SERVICE)


@dataclass(frozen=True)
class End:
    """An end of a container, in seconds after the write."""

    at: float
    reason: str = "OOMKilled"
    code: int = 137


def graph_at(
    at: float, *ends: End, runs: bool = True, ready: bool = True, number: int = 0
) -> Graph:
    """One pod of `pay` whose container has ended so often, and runs again 2 s later or does not."""
    past = [end for end in ends if end.at <= at]
    item = pod("pay", number)
    status = item["status"]["containerStatuses"][0]
    if past:
        status["lastState"] = {"terminated": _terminated(past)}
        status["restartCount"] = len(past) if runs else len(past) - 1
        status["state"] = {"running": {"startedAt": _text(past[-1].at + 2)}}
    if not runs:
        status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    serving = [number] if runs and ready else []
    item["status"]["conditions"][1]["status"] = "True" if serving else "False"
    items: list[Any] = [
        deployment("pay", 1, ready=len(serving)),
        replica_set("pay", 1, 1),
        item,
        a_service("pay"),
        endpoints("pay", serving),
        deployment("cart", 1, ready=1),
        a_service("cart"),
    ]
    calls = (TracedCall(CART, PAY_SERVICE, 100, 0),)
    return Graph(snapshot(items, at=_text(at), signals=Signals(calls=calls)))


def _terminated(ends: list[End]) -> dict[str, Any]:
    last, begun = ends[-1], ends[-2].at + 2 if len(ends) > 1 else -3000
    return {
        "reason": last.reason,
        "exitCode": last.code,
        "startedAt": _text(begun),
        "finishedAt": _text(last.at),
    }


def _text(at: float) -> str:
    return (WRITE + timedelta(seconds=at)).isoformat().replace("+00:00", "Z")


def watched(*graphs: Graph) -> Relapses:
    found = Relapses(WRITE)
    for graph in graphs:
        found.see(graph)
    return found


ILL, AGAIN, THIRD = End(-30), End(15), End(62)


def test_one_more_end_of_the_same_kind_is_the_old_illness() -> None:
    """Its pod may lack, of its Service, too, until it runs again."""
    down = graph_at(16, ILL, AGAIN, runs=False)
    seen = watched(graph_at(1, ILL), down)
    assert seen.lacking(down) == {PAY: 1, PAY_SERVICE: 1}
    assert seen.units(down) == {PAY, PAY_SERVICE}
    up = graph_at(20, ILL, AGAIN)
    seen.see(up)
    assert seen.lacking(up) == {}
    assert seen.units(up) == {PAY, PAY_SERVICE}


def test_it_must_run_for_longer_than_between_two_ends() -> None:
    """45 s and a fifth of noise; a unit that the change does not reach is not waited for."""
    down, early, late = (
        graph_at(16, ILL, AGAIN, runs=False),
        graph_at(72, ILL, AGAIN),
        graph_at(74, ILL, AGAIN),
    )
    seen = watched(graph_at(1, ILL), down)
    assert "56 s" in seen.missing(down, REACHED)[0]
    assert seen.missing(early, REACHED)
    assert seen.missing(early, (FAR,)) == ()
    assert seen.missing(late, REACHED) == ()


@pytest.mark.parametrize(
    ("third", "is_worse"), [(End(62), False), (End(52), False), (End(50), True)]
)
def test_a_further_end_must_not_come_faster(third: End, is_worse: bool) -> None:
    """One that does is no old illness, and nothing is kept after it."""
    down = graph_at(third.at + 1, ILL, AGAIN, third, runs=False)
    up = graph_at(third.at + 500, ILL, AGAIN, third)
    seen = watched(graph_at(1, ILL), graph_at(20, ILL, AGAIN), down, up)
    assert (seen.lacking(down) == {}) == is_worse
    assert (seen.units(down) == frozenset()) == is_worse
    assert bool(seen.missing(up, REACHED)) == is_worse


@pytest.mark.parametrize(
    "end", [End(15, "Error", 1), End(15, "OOMKilled", 1), End(15, "Error", 137)]
)
def test_an_end_of_another_kind_is_not_excused(end: End) -> None:
    """The change may have made it."""
    down = graph_at(16, ILL, end, runs=False)
    seen = watched(graph_at(1, ILL), down)
    assert seen.lacking(down) == {}
    assert seen.units(down) == frozenset()


def test_what_was_well_before_has_no_illness() -> None:
    """No end before the write, one that is long ago, one after the baseline, or another pod."""
    down = graph_at(16, ILL, AGAIN, runs=False)
    for first in (
        graph_at(1),
        graph_at(1, End(-700)),
        graph_at(5, End(3)),
        graph_at(1, ILL, number=1),
        graph_at(1, ILL, runs=False),
    ):
        seen = watched(first, down)
        assert seen.lacking(down) == {}
        assert seen.units(down) == frozenset()
    assert Relapses(None).lacking(down) == {}


def test_a_pod_that_is_not_ready_and_did_not_end_is_not_excused() -> None:
    """It was ill once; that it fails its probe now is news."""
    first = graph_at(1, ILL)
    unready = graph_at(16, ILL, ready=False)
    assert watched(first, unready).lacking(unready) == {}


def test_two_ends_between_two_looks_are_faster() -> None:
    """Nobody knows how far apart they were."""
    up = graph_at(100, ILL, AGAIN, THIRD)
    assert watched(graph_at(1, ILL), up).units(up) == frozenset()


def test_harm_counts_the_pods_that_an_old_illness_took_away_as_there() -> None:
    down = graph_at(16, ILL, AGAIN, runs=False)
    seen = watched(graph_at(1, ILL), down)
    now = health(service(PAY_SERVICE, 0), workload(FAR))
    assert seen.without_illness(now, down).units[PAY_SERVICE].endpoints == 1
    assert seen.without_illness(now, down).units[FAR] == now.units[FAR]


def test_who_calls_it_feels_it() -> None:
    """Their errors, of what they answer by, too, are no harm while the old illness is back."""
    down = graph_at(16, ILL, AGAIN, runs=False)
    seen = watched(graph_at(1, ILL), down)
    assert seen.callers(down) == {CART, CART_SERVICE}
    now = health(workload(CART, error_rate=0.7), workload(FAR, error_rate=0.7))
    assert seen.without_illness(now, down).units[CART].error_rate is None
    assert seen.without_illness(now, down).units[FAR].error_rate == 0.7
    worse = graph_at(16, ILL, End(15, "Error", 1), runs=False)
    assert watched(graph_at(1, ILL), worse).callers(worse) == frozenset()


def test_the_verdict_waits_for_the_errors_of_who_calls_it() -> None:
    """For nothing else of theirs."""
    others = (service(CART_SERVICE), workload(FAR))
    before = health(BROKEN, workload(PAY, error_rate=0.0), *others)

    def decided(now: Any, callers: tuple[Ref, ...] = (PAY,)) -> Decision:
        found = health(WELL, now, *others)
        return judge(GATE, (before,), found, (), (), {}, (), callers).decision

    assert decided(workload(PAY, error_rate=0.7)) is Decision.WAIT
    assert decided(workload(PAY, error_rate=0.7), ()) is Decision.ROLL_BACK
    assert decided(workload(PAY, 1, error_rate=0.7)) is Decision.ROLL_BACK
    assert decided(workload(PAY, problems=("POD101",), error_rate=0.7)) is Decision.ROLL_BACK


def test_the_verdict_waits_for_it_and_keeps_nothing_before() -> None:
    """Fewer ready and new problems wait; more errors, or a unit that is gone, do not."""
    others = (service(CART_SERVICE), workload(FAR), service(PAY_SERVICE))
    before = health(BROKEN, workload(PAY, error_rate=0.0), *others)

    def decided(now: Any, relapsed: tuple[Ref, ...] = (PAY,)) -> Decision:
        found = health(WELL, now, *others)
        return judge(GATE, (before,), found, (), (), {}, relapsed).decision

    down = workload(PAY, 0, problems=("POD101", "WRK201"), error_rate=0.0)
    assert decided(down) is Decision.WAIT
    assert decided(down, ()) is Decision.ROLL_BACK
    assert decided(down, (CART,)) is Decision.ROLL_BACK
    assert decided(workload(PAY, 3, problems=("POD101",), error_rate=0.0)) is Decision.WAIT
    assert decided(replace(down, error_rate=0.3)) is Decision.ROLL_BACK
    assert decided(workload(PAY, 0, 0)) is Decision.ROLL_BACK
    assert decided(workload(PAY, error_rate=0.0)) is Decision.COMMIT
