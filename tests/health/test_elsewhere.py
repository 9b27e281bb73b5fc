"""Whose traffic is not judged: who suffers from a fault that was there before and is not ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.health.elsewhere import elsewhere, without_traffic
from stratus_cli.health.verdict import Gate, judge
from stratus_cli.kube.graph import Graph
from stratus_cli.model.health import Decision, Health, UnitHealth
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Signals, TracedCall
from tests.cases.loader import snapshot
from tests.health.samples import (
    BROKEN,
    CART,
    CART_SERVICE,
    GATE,
    PAY,
    PAY_SERVICE,
    WELL,
    a_service,
    deployment,
    health,
    service,
    workload,
)

FRONT = Ref("Deployment", "shop", "front")
FRONT_SERVICE = Ref("Service", "shop", "front")
BOTH = replace(GATE, targets=(CART, FRONT))
"""front calls cart, which is repaired, and pay."""

CALLS = (TracedCall(FRONT, CART_SERVICE, 100, 0), TracedCall(FRONT, PAY_SERVICE, 100, 0))
ITEMS: list[Any] = [
    made for name in ("cart", "pay", "front") for made in (deployment(name, 3), a_service(name))
]
SICK: dict[str, Any] = {"error_rate": 0.3, "problems": ("SLO001",)}
WORSE: dict[str, Any] = {"error_rate": 0.7, "problems": ("SLO001", "SLO006")}
OUT = workload(PAY, 0)


def shop() -> Graph:
    return Graph(snapshot(ITEMS, signals=Signals(calls=CALLS)))


def moment(cart: UnitHealth, front: UnitHealth, pay: UnitHealth) -> Health:
    shown = service(FRONT_SERVICE, error_rate=front.error_rate)
    return health(cart, front, pay, service(PAY_SERVICE, pay.ready or 0), shown)


def found(
    before: Health, now: Health, gate: Gate = BOTH, changed: tuple[Ref, ...] = (CART,)
) -> dict[Ref, Ref]:
    return dict(elsewhere(gate, changed, (before, before), now, shop()))


BEFORE = moment(BROKEN, workload(FRONT, **SICK), OUT)
NOW = moment(WELL, workload(FRONT, **WORSE), OUT)


def test_who_calls_what_is_out_before_and_now_is_left_out() -> None:
    """What answers by it, too, whose figures are the same requests."""
    assert found(BEFORE, NOW).keys() == {FRONT, FRONT_SERVICE}
    assert {ref.name for ref in found(BEFORE, NOW).values()} == {"pay"}


@pytest.mark.parametrize(
    ("before", "now", "gate", "changed"),
    [
        (BEFORE, moment(WELL, workload(FRONT, **WORSE), workload(PAY, 1)), BOTH, (CART,)),
        (moment(BROKEN, workload(FRONT, **SICK), workload(PAY, 1)), NOW, BOTH, (CART,)),
        (moment(BROKEN, workload(FRONT), OUT), NOW, BOTH, (CART,)),
        (BEFORE, NOW, BOTH, (CART, PAY)),
        (BEFORE, NOW, replace(BOTH, targets=(CART, FRONT, PAY)), (CART,)),
        (BEFORE, NOW, replace(BOTH, targets=(FRONT, FRONT_SERVICE)), (CART,)),
    ],
    ids=["serves again", "served before", "was well", "changed", "a target", "nothing is left"],
)
def test_everything_else_is_judged(
    before: Health, now: Health, gate: Gate, changed: tuple[Ref, ...]
) -> None:
    assert found(before, now, gate, changed) == {}


def test_what_a_root_of_the_plan_is_about_is_judged() -> None:
    gate = replace(BOTH, roots=(("WRK201", CART), ("SLO001", FRONT)))
    assert found(BEFORE, NOW, gate).keys() == {FRONT_SERVICE}


SHAPES = st.builds(
    workload,
    st.just(FRONT),
    st.integers(0, 3),
    error_rate=st.none() | st.floats(0, 1),
    p99_s=st.none() | st.floats(0, 9),
    problems=st.lists(st.sampled_from(["SLO001", "SLO002", "POD101", "WRK201"]), unique=True).map(
        lambda rules: tuple(sorted(rules))
    ),
)


@given(SHAPES, SHAPES)
def test_what_is_no_traffic_counts_all_the_same(old: UnitHealth, new: UnitHealth) -> None:
    """Fewer ready pods, or a new problem that is none of traffic: never a commit."""
    before, now = (
        without_traffic(moment(cart, front, OUT), {FRONT, FRONT_SERVICE})
        for cart, front in ((BROKEN, old), (WELL, new))
    )
    verdict = judge(BOTH, (before,), now, (), ())
    lost = (new.ready or 0) < (old.ready or 0)
    new_problem = {rule for rule in new.problems if not rule.startswith("SLO")} - {*old.problems}
    improved_first = (new.stage, new.ready) > (old.stage, old.ready)
    if lost or (new_problem and not improved_first):
        assert verdict.decision is not Decision.COMMIT
