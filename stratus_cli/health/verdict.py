"""The verdict on a change (TNR, Transactional No-Regression): commit, wait, or roll back. Pure.

Commit when the root findings are gone, on each target the first component that changed is better,
and no component of any other unit is worse. What answered before and does not now is unknown, and
unknown never commits. The caller turns WAIT into a roll-back when time is up.

A loss that may be the incident's own (errors that still rose at baseline, an illness that came
back) prevents a commit like any other, but is waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stratus_cli.health.compare import Moved, compare, is_sated, is_scaling
from stratus_cli.health.rising import only_errors, rising
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.finding import Finding, Skip
from stratus_cli.model.health import Decision, Health, UnitHealth, Verdict
from stratus_cli.model.ref import Ref

NO_MEASURE = frozenset({"usage", "logs"})
"""Sources that no unit is measured by and that are asked only where something is wrong: one that
cannot be read now need not have answered before, and nothing is less known for it."""

COUNTED = frozenset({"stage", "ready", "endpoints", "problems"})
"""What a pod takes away that ends once more: it serves nothing until it runs again."""


@dataclass(frozen=True)
class Gate:
    """What the verdict is about.

    targets: units that must get better. roots: (rule, unit or object) that must be gone. near:
    other units that the change reaches. stops: units stopped on purpose.
    """

    targets: tuple[Ref, ...]
    roots: tuple[tuple[str, Ref], ...]
    near: tuple[Ref, ...] = ()
    stops: tuple[Ref, ...] = ()


def judge(
    gate: Gate,
    baseline: Sequence[Health],
    now: Health,
    findings: Sequence[Finding],
    skips: Sequence[Skip],
    alarms: Mapping[Ref, Sequence[str]] | None = None,
    relapsed: Collection[Ref] = (),
    callers: Collection[Ref] = (),
) -> Verdict:
    """The verdict on what is seen now against the baseline's samples.

    alarms: new alerts that rest on nothing from before the change, by unit (health.alarm).
    relapsed: units whose old illness came back (health.relapse); callers: who feels it, or errors
    that rose before the change.
    """
    lost = dict(_worse(gate, baseline, now, relapsed, callers))
    alarmed = dict(_alarmed(gate, baseline, now, alarms or {}))
    worse = {**alarmed, **{ref: loss.why for ref, loss in lost.items()}}
    own = {ref for ref, loss in lost.items() if loss.may_be_own}
    sure = {
        ref: why
        for ref, why in worse.items()
        if (ref in gate.targets or ref in gate.near) and ref not in own
    }
    improved = tuple(ref for ref in gate.targets if _is_better(ref, baseline, now))
    others = (
        *_unknown(gate, baseline, now),
        *_roots_left(gate, now, findings, skips),
        *(
            f"{ref} is no better than before"
            for ref in gate.targets
            if ref not in improved and _must_improve(ref, gate, baseline)
        ),
    )
    slower = bool(lost) and all(loss.component == "p99" for loss in lost.values())
    slower_only = slower and not alarmed and not others
    if sure:
        reasons = tuple(sure.values())
        return Verdict(Decision.ROLL_BACK, reasons, improved, tuple(worse), slower_only)
    waiting = (*worse.values(), *others)
    if waiting:
        return Verdict(Decision.WAIT, waiting, improved, tuple(worse), slower_only)
    return Verdict(Decision.COMMIT, tuple(_praise(gate, improved)), improved, ())


def breaker(
    gate: Gate,
    baseline: Sequence[Health],
    now: Health,
    allowance: Mapping[Ref, int],
) -> tuple[str, ...]:
    """Units reached by the change that went bad beyond what a rollout may leave out.

    allowance: how many ready pods or endpoints each may lack for a while (health.allowance).
    """
    found = []
    for ref in sorted({*gate.targets, *gate.near}):
        if ref in gate.stops:
            continue
        old, new = _samples(ref, baseline), now.units.get(ref)
        if not old or new is None:
            continue
        spare = allowance.get(ref, 0)
        for name in ("ready", "endpoints"):
            if new.autoscaled and is_sated(new, name):
                continue
            least = min((getattr(unit, name) or 0 for unit in old), default=0)
            have = getattr(new, name)
            if have is not None and have < least - spare:
                found.append(f"{ref}: {name} fell from {least} to {have}")
    return tuple(found)


@dataclass(frozen=True)
class _Loss:
    """What a unit lost, for people. component: as of health.compare; "" where all of it is lost.

    may_be_own: it may come from the incident itself, all of it.
    """

    why: str
    component: str = ""
    may_be_own: bool = False


def _worse(
    gate: Gate,
    baseline: Sequence[Health],
    now: Health,
    relapsed: Collection[Ref],
    callers: Collection[Ref],
) -> Iterator[tuple[Ref, _Loss]]:
    """Each unit that is worse than before, with why. Targets: by the first component that moved."""
    errs = rising(baseline).union(callers)
    for ref in _known(baseline):
        if ref in gate.stops:
            continue
        old, new = _samples(ref, baseline), now.units.get(ref)
        if new is None:
            if not _unread(ref, now):
                yield ref, _Loss(f"{ref} is gone, which counts as worst")
            continue
        if new.wanted == 0 and any(unit.wanted for unit in old):
            # Nothing is broken any more where nothing is wanted: no repair.
            yield ref, _Loss(f"{ref} was brought to zero, which counts as worst")
            continue
        bad = _bad(ref, gate, old, new)
        own = [
            item
            for item in bad
            if (ref in errs and only_errors(item, old[-1], new))
            or (ref in relapsed and item.component in COUNTED)
        ]
        if bad:
            yield ref, _loss(ref, gate, bad, own)


def _loss(ref: Ref, gate: Gate, bad: Sequence[Moved], own: Sequence[Moved]) -> _Loss:
    """Of these, told by the first one that cannot be the incident's own."""
    worst = next((item for item in bad if item not in own), bad[0])
    far = ref not in gate.targets and ref not in gate.near
    whom = f"{ref}, which the change does not reach," if far else str(ref)
    return _Loss(f"{whom} is worse: {worst.what}", worst.component, worst in own)


def _bad(ref: Ref, gate: Gate, old: Sequence[UnitHealth], new: UnitHealth) -> tuple[Moved, ...]:
    """The components that count against the change, in the order of the vector."""
    moved = tuple(item for item in compare(old, new) if not is_scaling(new, item))
    if ref in gate.targets:
        return () if not moved or moved[0].better else tuple(_losses(moved))
    if ref in gate.near:
        return tuple(_losses(moved))
    return _far_losses(old, new, moved)


def _alarmed(
    gate: Gate, baseline: Sequence[Health], now: Health, alarms: Mapping[Ref, Sequence[str]]
) -> Iterator[tuple[Ref, str]]:
    """Units with new alerts. On a target they are a later component than one that moved before."""
    for ref, names in sorted(alarms.items()):
        old, new = _samples(ref, baseline), now.units.get(ref)
        if not old or new is None or ref in gate.stops:
            continue
        if ref not in (*gate.targets, *gate.near) and any(unit.problems for unit in old):
            continue
        if ref not in gate.targets or not compare(old, new):
            yield ref, f"{ref} has a new alert: {', '.join(names)}"


def _far_losses(
    old: Sequence[UnitHealth], new: UnitHealth, moved: tuple[Moved, ...]
) -> tuple[Moved, ...]:
    """Losses of a unit that the change does not reach.

    One that was not well before is not ours; nor is one that somebody, an autoscaler for instance,
    made smaller and that has all it wants.
    """
    if any(unit.problems for unit in old):
        return ()
    return tuple(item for item in _losses(moved) if not is_sated(new, item.component))


def _losses(moved: tuple[Moved, ...]) -> Iterator[Moved]:
    """What got worse.

    Latency is that of requests that succeed. Where fewer fail than before these are others, which
    did not get through at all: failing in 2 ms and answering in 80 is no loss.
    """
    fewer_fail = any(item.better and item.component == "errors" for item in moved)
    return (
        item for item in moved if not item.better and not (fewer_fail and item.component == "p99")
    )


def _is_better(ref: Ref, baseline: Sequence[Health], now: Health) -> bool:
    old, new = _samples(ref, baseline), now.units.get(ref)
    if new is None:
        return False
    if not old:
        return not new.problems
    moved = compare(old, new)
    return (bool(moved) and moved[0].better) or _has_fewer(old, new)


def _has_fewer(old: Sequence[UnitHealth], new: UnitHealth) -> bool:
    """Some problems are gone and none is new, where nothing else moved first."""
    first = old[-1]
    unmoved = (first.stage, first.ready, first.endpoints) == (new.stage, new.ready, new.endpoints)
    return unmoved and set(new.problems) < set(first.problems)


def _must_improve(ref: Ref, gate: Gate, baseline: Sequence[Health]) -> bool:
    """A unit that was well before (a plan typed by hand) need only not be worse."""
    return bool(gate.roots) and any(unit.problems for unit in _samples(ref, baseline))


def _unknown(gate: Gate, baseline: Sequence[Health], now: Health) -> Iterator[str]:
    if not baseline:
        yield "there is no baseline to compare with"
        return
    for ref in _known(baseline):
        if ref not in now.units and ref not in gate.stops and _unread(ref, now):
            yield f"{ref} was seen before and cannot be seen now"
    before = {subject for health in baseline for subject in health.unread}
    for subject in now.unread:
        if subject not in before and subject not in NO_MEASURE:
            yield f"{subject} answered before and does not now, so the effect is not known"


def _roots_left(
    gate: Gate, now: Health, findings: Sequence[Finding], skips: Sequence[Skip]
) -> Iterator[str]:
    present = {item.key for item in findings}  # a lower severity is not "gone"
    undecided = {skip.rule for skip in skips}
    for rule, ref in gate.roots:
        unit = now.units.get(ref)
        on_unit = unit is not None and rule in unit.problems
        if (rule, ref) in present or on_unit or _is_on_pods(rule, ref, unit, findings):
            yield f"{rule} is still there on {ref}"
        elif rule in undecided:
            yield f"{rule} cannot be decided now"


def _is_on_pods(rule: str, ref: Ref, unit: UnitHealth | None, findings: Sequence[Finding]) -> bool:
    """Pods of an owner that is no unit (a Job, a CronJob) still have it; they bear its name."""
    return unit is None and any(
        item.rule == rule
        and item.ref.kind == "Pod"
        and item.ref.namespace == ref.namespace
        and item.ref.name.startswith(f"{ref.name}-")
        for item in findings
    )


def _praise(gate: Gate, improved: Sequence[Ref]) -> Iterator[str]:
    if gate.roots:
        yield f"{', '.join(dict.fromkeys(rule for rule, _ in gate.roots))} gone"
    if improved:
        yield f"better: {', '.join(map(str, improved))}"
    yield "no other unit is worse"


def _known(baseline: Sequence[Health]) -> tuple[Ref, ...]:
    """Units of the newest sample: one that went before it is not our doing."""
    return tuple(sorted(baseline[-1].units)) if baseline else ()


def _samples(ref: Ref, baseline: Sequence[Health]) -> tuple[UnitHealth, ...]:
    return tuple(health.units[ref] for health in baseline if ref in health.units)


def _unread(ref: Ref, now: Health) -> bool:
    return ref.kind in now.unread and ref.kind in BY_KIND
