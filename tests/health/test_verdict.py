"""The gate: every sentence of DESIGN.md, "Health and TNR, precisely", that `judge` answers for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.health.compare import compare
from stratus_cli.health.verdict import Gate, breaker, judge
from stratus_cli.model.finding import Finding, Severity, Skip
from stratus_cli.model.health import Decision, Health, PodStage, UnitHealth, Verdict
from stratus_cli.model.ref import Ref
from tests.health.samples import (
    BROKEN,
    CART,
    CART_SERVICE,
    FAR,
    GATE,
    PAY,
    PAY_SERVICE,
    ROOT,
    WELL,
    finding,
    health,
    problem,
    service,
    workload,
)

COMMIT, WAIT, ROLL_BACK = Decision.COMMIT, Decision.WAIT, Decision.ROLL_BACK


def verdict(
    before: Health,
    now: Health,
    *findings: Finding,
    gate: Gate = GATE,
    skips: tuple[Skip, ...] = (),
) -> Verdict:
    return judge(gate, (before, before), now, findings, skips)


def with_others(*units: UnitHealth) -> Health:
    """The units given, and others that are well."""
    others = (service(CART_SERVICE), workload(PAY), service(PAY_SERVICE), workload(FAR))
    given = {unit.ref for unit in units}
    return health(*units, *(unit for unit in others if unit.ref not in given))


BEFORE = with_others(BROKEN)


# Commit when


def test_the_root_is_gone_the_target_better_and_nothing_worse_commits() -> None:
    """The one way to a commit."""
    found = verdict(BEFORE, with_others(WELL))
    assert found.decision is COMMIT
    assert found.improved == (CART,)
    assert found.worse == ()


def test_a_root_finding_that_is_still_there_waits() -> None:
    """On the unit, or on an object that is no unit."""
    assert verdict(BEFORE, with_others(WELL), finding(*ROOT)).decision is WAIT
    assert verdict(BEFORE, with_others(problem(WELL, "WRK201"))).decision is not COMMIT
    quota = Ref("ResourceQuota", "shop", "q")
    gate = Gate((CART,), (("POL501", quota),))
    assert verdict(BEFORE, with_others(WELL), finding("POL501", quota), gate=gate).decision is WAIT
    assert verdict(BEFORE, with_others(WELL), gate=gate).decision is COMMIT


def test_nothing_better_waits() -> None:
    """The caller takes it back when time is up."""
    found = verdict(BEFORE, with_others(BROKEN))
    assert found.decision is WAIT
    assert found.reasons


def test_every_target_must_be_better() -> None:
    """One of two is not enough."""
    gate = replace(GATE, targets=(CART, CART_SERVICE))
    sick = problem(service(CART_SERVICE, 0), "SVC301")
    assert verdict(with_others(BROKEN, sick), with_others(WELL, sick), gate=gate).decision is WAIT
    assert verdict(with_others(BROKEN, sick), with_others(WELL), gate=gate).decision is COMMIT


def test_the_first_component_that_changed_decides_and_a_later_one_may_worsen() -> None:
    """A Service that failed in 2 ms and now answers in 80 ms is better."""
    gate = Gate((CART_SERVICE,), (("SVC301", CART_SERVICE),))
    failed = problem(service(CART_SERVICE, 3, error_rate=0.9, p99_s=0.002), "SVC301")
    answers = service(CART_SERVICE, 3, error_rate=0.0, p99_s=0.080)
    assert verdict(with_others(failed), with_others(answers), gate=gate).decision is COMMIT


def test_a_target_whose_first_component_is_worse_is_rolled_back() -> None:
    """Whatever else got better there."""
    before = problem(workload(CART, 2, 3, stage=PodStage.PULLED), "WRK201")
    now = workload(CART, 3, 3, stage=PodStage.SCHEDULED)
    assert verdict(with_others(before), with_others(now)).decision is ROLL_BACK


@pytest.mark.parametrize(
    "worse",
    [
        workload(PAY, 2, 3),
        service(PAY_SERVICE, 2),
        service(PAY_SERVICE, error_rate=0.06),
        service(PAY_SERVICE, p99_s=0.13),
        problem(workload(PAY), "WRK201"),
    ],
    ids=["ready", "endpoints", "errors", "p99", "finding"],
)
def test_one_service_better_at_the_cost_of_another_is_rolled_back(worse: UnitHealth) -> None:
    """No component of any other unit may be worse."""
    was = replace(with_others(BROKEN).units[worse.ref])
    if worse.ref == PAY_SERVICE:
        was = replace(was, error_rate=0.0, p99_s=0.1)
        worse = replace(
            worse,
            error_rate=0.0 if worse.error_rate is None else worse.error_rate,
            p99_s=0.1 if worse.p99_s is None else worse.p99_s,
        )
    found = verdict(with_others(BROKEN, was), with_others(WELL, worse))
    assert found.decision is ROLL_BACK
    assert found.worse == (worse.ref,)


def test_a_unit_far_away_that_an_autoscaler_made_smaller_is_no_loss() -> None:
    """It has all the pods it wants; zero wanted is another matter."""
    blog = Ref("Service", "blog", "blog")
    before = health(BROKEN, workload(FAR, 5, 5), service(blog, 5, wanted=5))
    fixed = health(WELL, workload(FAR, 4, 4), service(blog, 4, wanted=4))
    assert judge(GATE, [before], fixed, (), ()).decision is Decision.COMMIT
    gone = health(WELL, workload(FAR, 0, 0), service(blog, 0))
    assert judge(GATE, [before], gone, (), ()).decision is not Decision.COMMIT
    lacking = health(WELL, workload(FAR, 3, 4), service(blog, 3, wanted=4))
    assert judge(GATE, [before], lacking, (), ()).decision is not Decision.COMMIT


@pytest.mark.parametrize("ref", [CART, PAY, FAR], ids=str)
def test_what_an_autoscaler_makes_smaller_is_no_loss_wherever_it_is(ref: Ref) -> None:
    """The wanted number is the autoscaler's: neither worse, nor for the breaker."""
    gate = replace(GATE, roots=())
    service_ref = Ref("Service", ref.namespace, ref.name)
    before = health(workload(ref, 5, 5), service(service_ref, 5, wanted=5))
    smaller = (workload(ref, 3, 3), service(service_ref, 3, wanted=3))
    scaled = health(*(replace(unit, autoscaled=True) for unit in smaller))
    assert judge(gate, [before], scaled, (), ()).decision is COMMIT
    assert breaker(gate, [before], scaled, {}) == ()
    lacking = health(workload(ref, 2, 3, autoscaled=True), service(service_ref, 2, wanted=3))
    assert judge(gate, [before], lacking, (), ()).decision is not COMMIT
    if ref in (*GATE.targets, *GATE.near):
        assert judge(gate, [before], health(*smaller), (), ()).decision is ROLL_BACK
        assert breaker(gate, [before], health(*smaller), {})


def test_a_unit_far_away_that_got_worse_prevents_the_commit() -> None:
    """Whether or not it has a problem of its own by now: it was well before."""
    for worse in (workload(FAR, 2, 3), problem(workload(FAR, 0, 3), "WRK201")):
        found = verdict(BEFORE, with_others(WELL, worse))
        assert found.decision is not COMMIT
        assert FAR in found.worse


# Noise


@pytest.mark.parametrize(
    ("before", "now", "is_worse"),
    [
        ({"error_rate": 0.01}, {"error_rate": 0.06}, False),
        ({"error_rate": 0.01}, {"error_rate": 0.0601}, True),
        ({"p99_s": 0.100}, {"p99_s": 0.120}, False),
        ({"p99_s": 0.100}, {"p99_s": 0.121}, True),
        ({"endpoints": 3}, {"endpoints": 2}, True),
    ],
)
def test_noise(before: dict[str, float], now: dict[str, float], *, is_worse: bool) -> None:
    """5 % absolute for errors, 20 % relative for p99; ready counts must be equal."""
    moved = compare((UnitHealth(PAY, **before),), UnitHealth(PAY, **now))  # type: ignore[arg-type]
    assert any(not item.better for item in moved) is is_worse


def test_a_unit_that_wavered_at_baseline_is_worse_only_below_its_worst_sample() -> None:
    """From samples alone that is its noise."""
    samples = (with_others(BROKEN), with_others(BROKEN, workload(PAY, 2, 3)))
    assert judge(GATE, samples, with_others(WELL, workload(PAY, 2, 3)), (), ()).decision is COMMIT
    one_less = with_others(WELL, workload(PAY, 1, 3))
    assert judge(GATE, samples, one_less, (), ()).decision is ROLL_BACK


def test_noise_is_three_deviations_where_they_are_known() -> None:
    """Beyond the floor of 5 % and 20 %; a calm unit keeps the floor."""
    restless = UnitHealth(PAY, error_rate=0.1, p99_s=0.1, error_mad=0.05, p99_mad=0.02)
    for errors, p99, worse in ((0.24, 0.155, []), (0.26, 0.1, ["errors"]), (0.1, 0.17, ["p99"])):
        moved = compare((restless,), UnitHealth(PAY, error_rate=errors, p99_s=p99))
        assert [item.component for item in moved if not item.better] == worse
    calm = replace(restless, error_mad=0.0, p99_mad=0.0)
    assert not compare((calm,), UnitHealth(PAY, error_rate=0.149, p99_s=0.119))
    assert compare((calm,), UnitHealth(PAY, error_rate=0.151, p99_s=0.1))


@given(
    st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.3), st.floats(0.001, 5), st.floats(0.001, 5),
    st.floats(0, 1),
)  # fmt: skip
@settings(max_examples=150)
def test_within_the_noise_nothing_moves(
    old: float, new: float, mad: float, slow: float, now_s: float, p99_mad: float
) -> None:
    """And beyond it, it does, in the right direction."""
    before = UnitHealth(PAY, error_rate=old, p99_s=slow, error_mad=mad, p99_mad=p99_mad)
    moved = {
        item.component: item.better
        for item in compare((before,), UnitHealth(PAY, error_rate=new, p99_s=now_s))
    }
    band, band_s = max(0.05, 3 * mad), max(0.2 * slow, 3 * p99_mad)
    assert ("errors" in moved) == (new > old + band or old > new + band)
    assert moved.get("errors", old > new) == (old > new)
    assert ("p99" in moved) == (now_s > slow + band_s or slow > now_s + band_s)
    assert moved.get("p99", slow > now_s) == (slow > now_s)


def test_a_unit_near_that_fails_less_and_answers_slower_is_no_loss() -> None:
    """Its latency is of requests that did not get through before."""
    failed = service(PAY_SERVICE, error_rate=0.5, p99_s=0.002)
    answers = service(PAY_SERVICE, error_rate=0.0, p99_s=0.080)
    before = with_others(BROKEN, failed)
    assert verdict(before, with_others(WELL, answers)).decision is COMMIT
    slower = replace(answers, error_rate=0.5)
    assert verdict(before, with_others(WELL, slower)).decision is ROLL_BACK


# Unknown


def test_telemetry_that_answered_at_baseline_and_is_gone_never_commits() -> None:
    """What answered and no longer does prevents the commit."""
    now = health(*with_others(WELL).units.values(), unread=("prometheus",))
    assert verdict(BEFORE, now).decision is WAIT


@pytest.mark.parametrize("source", ["usage", "logs"])
def test_what_no_unit_is_measured_by_does_not_count_as_unknown(source: str) -> None:
    """Logs and usage are asked only where something is wrong: not asked before is no answer."""
    now = health(*with_others(WELL).units.values(), unread=(source,))
    assert verdict(BEFORE, now).decision is COMMIT


def test_what_could_not_be_read_at_baseline_is_not_judged() -> None:
    """A gap on both sides."""
    before = health(*BEFORE.units.values(), unread=("prometheus", "Secret"))
    now = health(*with_others(WELL).units.values(), unread=("prometheus", "Secret"))
    assert verdict(before, now).decision is COMMIT


def test_units_of_a_kind_that_cannot_be_read_now_are_neither_gone_nor_fine() -> None:
    """No roll-back for a failed read, and no commit either; also if a part of the kind was a gap
    at baseline."""
    now = health(WELL, service(CART_SERVICE), service(PAY_SERVICE), unread=("Deployment",))
    assert verdict(BEFORE, now).decision is WAIT
    before = health(*BEFORE.units.values(), unread=("Deployment",))
    assert verdict(before, now).decision is WAIT


def test_no_traffic_leaves_it_to_readiness() -> None:
    """A term that is missing on a side is not compared."""
    before = with_others(BROKEN, service(PAY_SERVICE, error_rate=0.0, p99_s=0.1))
    assert verdict(before, with_others(WELL)).decision is COMMIT
    assert verdict(before, with_others(WELL, service(PAY_SERVICE, 2))).decision is ROLL_BACK


def test_a_root_whose_rule_was_skipped_now_never_commits() -> None:
    """Not seen is not gone."""
    skips = (Skip("WRK201", "Pod not read: timed out"),)
    assert verdict(BEFORE, with_others(WELL), skips=skips).decision is WAIT


def test_without_a_baseline_nothing_commits() -> None:
    """Nothing is known to be as before."""
    assert judge(GATE, (), with_others(WELL), (), ()).decision is not COMMIT


# Alerts


def test_a_stale_alert_is_neither_good_nor_bad_news() -> None:
    """It does not undo a right fix, and its end does not make a fix of nothing."""
    firing = replace(WELL, alerts=("KubeDeploymentReplicasMismatch",))
    assert verdict(BEFORE, with_others(firing)).decision is COMMIT
    before = with_others(replace(BROKEN, alerts=("Any",)))
    assert verdict(before, with_others(BROKEN)).decision is WAIT


def test_a_new_alert_that_rests_on_nothing_from_before_counts() -> None:
    """On another unit; on a target only while nothing has moved there; never on what was broken."""
    now = with_others(WELL)

    def judged(before: Health, ref: Ref, now: Health = now) -> Decision:
        return judge(GATE, (before,), now, (), (), {ref: ("Burns",)}).decision

    assert judged(BEFORE, PAY) is ROLL_BACK
    assert judged(BEFORE, FAR) is WAIT
    assert judged(BEFORE, CART) is COMMIT
    assert judged(BEFORE, CART, BEFORE) is ROLL_BACK
    assert judged(with_others(BROKEN, problem(workload(FAR, 0), "WRK201")), FAR) is COMMIT


# Faults that were there before


def test_a_fault_from_before_neither_blocks_nor_counts() -> None:
    """A workload that nobody plans to repair may stay broken, or be repaired by somebody else."""
    sick = problem(workload(FAR, 0, 3), "WRK201")
    assert verdict(with_others(BROKEN, sick), with_others(WELL, sick)).decision is COMMIT
    better = with_others(BROKEN, workload(FAR))
    assert verdict(with_others(BROKEN, sick), better).decision is WAIT
    worse = problem(workload(FAR, 0, 3, stage=PodStage.NONE), "WRK201", "POD104")
    assert verdict(with_others(BROKEN, sick), with_others(WELL, worse)).decision is COMMIT


# Stopping on purpose


@pytest.mark.parametrize("ref", [CART, PAY, CART_SERVICE, FAR], ids=str)
def test_what_vanishes_counts_as_worst(ref: Ref) -> None:
    """A deleted target has no fault any more, and is no repair."""
    now = with_others(WELL)
    gone = health(*(unit for unit in now.units.values() if unit.ref != ref))
    assert verdict(BEFORE, gone).decision is (ROLL_BACK if ref != FAR else WAIT)
    assert ref in verdict(BEFORE, gone).worse


def test_what_goes_to_zero_counts_as_worst() -> None:
    """A broken target that was scaled to zero has no broken pods any more, and is no repair."""
    zero = UnitHealth(CART, None, 0, 0)
    assert verdict(BEFORE, with_others(zero)).decision is ROLL_BACK
    other = UnitHealth(PAY, None, 0, 0)
    assert verdict(BEFORE, with_others(WELL, other)).decision is ROLL_BACK


def test_a_unit_that_is_stopped_on_purpose_may_go() -> None:
    """Only those that the plan lists."""
    gate = Gate((CART,), (ROOT,), stops=(PAY,))
    stopped = UnitHealth(PAY, None, 0, 0)
    assert verdict(BEFORE, with_others(WELL, stopped), gate=gate).decision is COMMIT
    gone = health(*(unit for unit in with_others(WELL).units.values() if unit.ref != PAY))
    assert verdict(BEFORE, gone, gate=gate).decision is COMMIT


# Roots that are not what they seem


def test_a_root_that_is_only_called_less_severe_is_not_gone() -> None:
    """The same rule on the same object, whatever its severity."""
    left = finding(*ROOT, severity=Severity.RISK)
    assert verdict(BEFORE, with_others(WELL), left).decision is WAIT


def test_a_root_on_pods_of_a_job_is_not_gone_while_they_have_it() -> None:
    """A Job is no unit of health: its pods' findings are looked at by name."""
    job = Ref("Job", "shop", "import")
    gate = Gate((CART,), (("POD101", job),))
    left = finding("POD101", Ref("Pod", "shop", "import-x7k2p"))
    assert verdict(BEFORE, with_others(WELL), left, gate=gate).decision is WAIT
    other = finding("POD101", Ref("Pod", "shop", "importer-x7k2p"))
    assert verdict(BEFORE, with_others(WELL), other, gate=gate).decision is COMMIT


def test_a_plan_without_incident_need_not_improve_anything() -> None:
    """Text typed by hand may change what is well: it is kept when nothing is worse."""
    gate = Gate((CART,), ())
    assert verdict(with_others(WELL), with_others(WELL), gate=gate).decision is COMMIT
    assert verdict(with_others(WELL), with_others(BROKEN), gate=gate).decision is ROLL_BACK


# Breaker


def test_the_breaker_names_what_fell_beyond_the_rollouts_allowance() -> None:
    """Only what the change reaches, and only beyond maxUnavailable."""
    now = with_others(BROKEN, workload(PAY, 2, 3), service(PAY_SERVICE, 1), workload(FAR, 0, 3))
    assert breaker(GATE, (BEFORE,), now, {PAY: 1, PAY_SERVICE: 2}) == ()
    (reason,) = breaker(GATE, (BEFORE,), now, {PAY: 1, PAY_SERVICE: 1})
    assert str(PAY_SERVICE) in reason


def test_the_breaker_is_quiet_about_what_was_broken_or_is_stopped() -> None:
    """Nothing is lost there."""
    gate = replace(GATE, stops=(PAY,))
    assert breaker(gate, (BEFORE,), with_others(BROKEN, workload(PAY, 0, 0)), {}) == ()


# What must never happen

REFS = (CART, CART_SERVICE, PAY, PAY_SERVICE, FAR)


@st.composite
def units(draw: st.DrawFn, ref: Ref) -> UnitHealth:
    errors = draw(st.none() | st.floats(0, 1))
    p99 = draw(st.none() | st.floats(0.001, 5))
    problems = tuple(draw(st.sets(st.sampled_from(["WRK201", "POD101"]), max_size=2)))
    if ref.kind == "Service":
        return UnitHealth(
            ref,
            endpoints=draw(st.integers(0, 3)),
            error_rate=errors,
            p99_s=p99,
            problems=tuple(sorted(problems)),
        )
    wanted = draw(st.integers(0, 3))
    return UnitHealth(
        ref,
        draw(st.sampled_from(list(PodStage))) if wanted else None,
        draw(st.integers(0, wanted)),
        wanted,
        error_rate=errors,
        p99_s=p99,
        problems=tuple(sorted(problems)),
    )


@st.composite
def healths(draw: st.DrawFn) -> Health:
    present = draw(st.sets(st.sampled_from(REFS)))
    unread = draw(st.sets(st.sampled_from(["prometheus", "Deployment", "Secret"])))
    return health(*(draw(units(ref)) for ref in sorted(present)), unread=sorted(unread))


@given(healths(), healths(), st.booleans())
@settings(max_examples=120)
def test_never_a_commit_with_another_unit_worse_or_gone(
    before: Health,
    now: Health,
    near: bool,
) -> None:
    """Whatever the rest looks like: a unit that was well and is worse beyond noise, or is not
    there, or cannot be seen, prevents it."""
    gate = GATE if near else replace(GATE, near=())
    found = judge(gate, (before,), now, (), ())
    if found.decision is not COMMIT:
        return
    for ref, old in before.units.items():
        new = now.units.get(ref)
        assert new is not None
        if ref in gate.targets or (old.problems and ref not in gate.near):
            continue
        moved = compare((old,), new)
        fewer_fail = any(item.better and item.component == "errors" for item in moved)
        # Latency is of requests that succeed: where fewer fail, these are others.
        allowed = {"p99"} if fewer_fail else set()
        assert {item.component for item in moved if not item.better} <= allowed
    assert set(now.unread) <= set(before.unread)
    assert not any(rule in now.units[ref].problems for rule, ref in gate.roots if ref in now.units)


@given(healths(), healths())
@settings(max_examples=120)
def test_a_commit_leaves_no_target_worse(before: Health, now: Health) -> None:
    """A target that was there is there, serves no less, and is better if it was broken."""
    if judge(GATE, (before,), now, (), ()).decision is not COMMIT or CART not in before.units:
        return
    old, new = before.units[CART], now.units[CART]
    assert (new.wanted or 0) > 0 or not old.wanted
    if old.problems:
        moved = compare((old,), new)
        assert moved
        assert moved[0].better


@given(healths(), healths())
@settings(max_examples=100)
def test_the_verdict_is_a_function_of_what_is_seen(before: Health, now: Health) -> None:
    """The same twice, whatever the order in which units are listed."""
    turned = replace(now, units=dict(reversed(now.units.items())))
    assert judge(GATE, (before,), now, (), ()) == judge(GATE, (before,), turned, (), ())


@given(healths())
@settings(max_examples=100)
def test_no_change_is_no_harm(before: Health) -> None:
    """What is exactly as before is never rolled back as worse."""
    assert judge(GATE, (before,), before, (), ()).decision is not ROLL_BACK
    assert breaker(GATE, (before,), before, {}) == ()
