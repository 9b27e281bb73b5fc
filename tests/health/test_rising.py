"""Errors that still rose when the change was made: no evidence against it, and never a commit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.health.compare import compare
from stratus_cli.health.harm import harm
from stratus_cli.health.rising import rising
from stratus_cli.health.verdict import judge
from stratus_cli.model.health import Decision, Health, UnitHealth, Verdict
from stratus_cli.model.ref import Ref
from tests.health.samples import (
    BROKEN,
    CART,
    CART_SERVICE,
    FAR,
    GATE,
    PAY,
    PAY_SERVICE,
    WELL,
    health,
    service,
    workload,
)

COMMIT, WAIT, ROLL_BACK = Decision.COMMIT, Decision.WAIT, Decision.ROLL_BACK
RISING: dict[str, Any] = {
    "error_rate": 0.06,
    "error_minute": 0.15,
    "requests": 1500.0,
    "window_s": 300.0,
}
STEADY: dict[str, Any] = {**RISING, "error_rate": 0.15}
MORE: dict[str, Any] = {"error_rate": 0.56, "requests": 500.0, "window_s": 60.0}


def around(*units: UnitHealth) -> Health:
    """These, and others that are well."""
    others = (WELL, service(CART_SERVICE), workload(PAY), service(PAY_SERVICE), workload(FAR))
    given_refs = {unit.ref for unit in units}
    return health(*units, *(unit for unit in others if unit.ref not in given_refs))


def judged(before: UnitHealth, now: UnitHealth) -> Verdict:
    """CART is repaired; one other unit is as told."""
    return judge(GATE, (around(BROKEN, before),) * 2, around(WELL, now), (), ())


@pytest.mark.parametrize(
    ("figures", "rises"),
    [
        (RISING, True),
        (STEADY, False),
        ({**RISING, "error_minute": 0.10}, False),  # within the noise
        ({**RISING, "error_mad": 0.05}, False),
        ({**RISING, "requests": 60.0}, False),  # 12 of them in the minute
        ({**RISING, "error_minute": None}, False),
        ({"error_rate": 0.06, "error_minute": 0.15}, True),
    ],
)
def test_the_newest_minute_has_more_errors_than_the_window(
    figures: dict[str, Any], rises: bool
) -> None:
    """Beyond the noise, and of enough requests."""
    before = health(workload(PAY, 3, 3, **figures))
    assert rising((before,)) == (frozenset({PAY}) if rises else frozenset())
    assert rising(()) == frozenset()


@pytest.mark.parametrize("ref", [PAY, FAR])
def test_more_errors_of_a_unit_where_they_rose_are_waited_for(ref: Ref) -> None:
    """Neither kept nor taken back; where they were steady before they count at once."""
    found = judged(workload(ref, **RISING), workload(ref, **MORE))
    assert found.decision is WAIT
    assert str(ref) in found.reasons[0]
    assert ref in found.worse
    steady = judged(workload(ref, **STEADY), workload(ref, **MORE)).decision
    assert steady is (ROLL_BACK if ref == PAY else WAIT)


def test_a_target_whose_errors_rose_is_waited_for_too() -> None:
    """And kept once it fails less than in the whole window before."""
    gate = replace(GATE, targets=(PAY,), roots=(("SLO001", PAY),), near=())
    before = around(workload(PAY, problems=("SLO001",), **RISING))
    more = around(workload(PAY, problems=("SLO001",), **MORE))
    assert judge(gate, (before,), more, (), ()).decision is WAIT
    well = around(workload(PAY, **{**MORE, "error_rate": 0.0}))
    assert judge(gate, (before,), well, (), ()).decision is COMMIT


def test_what_is_no_error_counts_at_once() -> None:
    """Fewer ready pods, slower answers, other problems."""
    rose = workload(PAY, p99_s=0.1, **RISING)
    for now in (
        workload(PAY, 2, p99_s=0.1, **MORE),
        workload(PAY, p99_s=0.9, **MORE),
        workload(PAY, p99_s=0.1, problems=("POD101",), **MORE),
        UnitHealth(PAY, None, 0, 0),
    ):
        assert judged(rose, now).decision is ROLL_BACK
    accused = workload(PAY, p99_s=0.1, problems=("SLO001", "SLO006"), **MORE)
    assert judged(rose, accused).decision is WAIT


def test_errors_that_rose_are_no_harm_and_lost_endpoints_are() -> None:
    """27 % -> 56 % for a minute, of an incident that was 30 s old at the write."""
    young = {**RISING, "error_rate": 0.13, "error_minute": 0.27}
    samples = [(float(at), health(service(PAY_SERVICE, 2, error_rate=0.56))) for at in range(60)]
    assert harm((health(service(PAY_SERVICE, 2, **young)),), samples) == ()
    old = {**young, "error_rate": 0.27}
    assert harm((health(service(PAY_SERVICE, 2, **old)),), samples)
    (found,) = harm((health(service(PAY_SERVICE, 4, **young)),), samples)
    assert "endpoints" in found
    assert harm((health(service(PAY_SERVICE, 2, **old)),), samples, callers=(PAY_SERVICE,)) == ()
    assert harm((health(service(PAY_SERVICE, 4, **old)),), samples, callers=(PAY_SERVICE,))


RATES = st.floats(0, 1)


@st.composite
def busy(draw: st.DrawFn, ref: Ref) -> UnitHealth:
    """Serving or not, with some errors, rising or not."""
    ready = draw(st.integers(0, 3))
    found = workload(ref, ready, error_rate=draw(RATES), error_minute=draw(st.none() | RATES))
    problems = draw(st.sets(st.sampled_from(["SLO001", "POD101", "WRK201"])))
    return replace(found, problems=tuple(sorted(problems)))


@given(busy(PAY), busy(PAY), st.sets(st.sampled_from([PAY, CART])))
@settings(max_examples=200)
def test_never_a_commit_while_a_unit_is_worse_whatever_it_was_on_the_way_to(
    old: UnitHealth, new: UnitHealth, relapsed: set[Ref]
) -> None:
    """Rising or relapsed: only when it is taken back changes, not whether it is kept."""
    found = judge(GATE, (around(BROKEN, old),), around(WELL, new), (), (), {}, relapsed)
    assert not (found.decision is COMMIT and any(not it.better for it in compare((old,), new)))


@given(busy(PAY))
@settings(max_examples=100)
def test_a_healthy_unit_that_becomes_unready_or_fails_is_taken_back_at_once(
    new: UnitHealth,
) -> None:
    """Its errors did not rise before and it had no illness: nothing is waited for."""
    well = workload(PAY, error_rate=0.0, error_minute=0.0)
    if any(not moved.better for moved in compare((well,), new)):
        assert judged(well, new).decision is ROLL_BACK
