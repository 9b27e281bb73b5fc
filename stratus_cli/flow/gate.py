"""Watching what a change does: baseline before it, settling after it, and the verdict (TNR).

Reads only. The caller turns anything but COMMIT into a roll-back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stratus_cli.flow.detect import Detection, detect
from stratus_cli.flow.echo import logs_since
from stratus_cli.flow.fate import is_passing
from stratus_cli.flow.fresh import Fresh, count_since
from stratus_cli.flow.heard import Heard
from stratus_cli.flow.standstill import NO_PROGRESS_S, is_seen_at_once, standstill_s
from stratus_cli.health.alarm import alarms
from stratus_cli.health.allowance import allowances
from stratus_cli.health.callers import callers_of
from stratus_cli.health.elsewhere import elsewhere, without_traffic
from stratus_cli.health.harm import FOR_S, harm
from stratus_cli.health.measure import measure
from stratus_cli.health.relapse import Relapses
from stratus_cli.health.rising import rising
from stratus_cli.health.settle import deadline_s, unsettled
from stratus_cli.health.verdict import Gate, breaker, judge
from stratus_cli.kube.for_good import is_for_good
from stratus_cli.model.errors import ClusterAnswer, ClusterUnreachable
from stratus_cli.model.health import Decision, Health, UnitHealth, Verdict
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Limits, Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot

Observe = Callable[[], Snapshot]

BASELINE_SAMPLES = 2  # DESIGN.md: a window with at least two samples
ROLL_BACK_RESERVE_S = 60.0  # of the budget, kept for the way back
SLOW_WINDOWS = 2
"""In how many windows what the change reaches must answer more slowly than before. Our choice: what
has just started is slow for a while, and two windows have no request in common."""
UNREACHABLE_S = 30.0  # a look that fails for longer than this is an answer


@dataclass(frozen=True)
class Look:
    """One look: what was read and what it says."""

    detection: Detection
    health: Health


@dataclass(frozen=True)
class Baseline:
    """What was so before the first write."""

    looks: tuple[Look, ...]

    @property
    def healths(self) -> tuple[Health, ...]:
        """The samples, oldest first."""
        return tuple(look.health for look in self.looks)

    @property
    def last(self) -> Look:
        """The newest sample."""
        return self.looks[-1]


@dataclass
class Outcome:
    """How watching ended. health: at the verdict, None when nothing could be read.

    since: when the window began that the verdict rests on.
    """

    verdict: Verdict
    health: Health | None
    waited_s: float
    since: datetime


def reserve_s(limits: Limits) -> float:
    """Seconds of the budget that are kept for the way back."""
    return min(ROLL_BACK_RESERVE_S, limits.budget_s / 2)


def look(observe: Observe) -> Look:
    """Read once and measure."""
    detection = detect(observe())
    return Look(detection, measure(detection.graph, detection.findings))


def baseline(ports: Ports, observe: Observe) -> Baseline:
    """The window before the first write."""
    looks = []
    for number in range(BASELINE_SAMPLES):
        if number:
            ports.clock.sleep(ports.limits.poll_s)
        count_since(ports, None, noise=number == BASELINE_SAMPLES - 1)
        looks.append(look(observe))
    return Baseline(tuple(looks))


def gate_of(plan: Plan) -> Gate:
    """What the verdict is about."""
    changed = tuple(step.change.ref for step in plan.steps)
    near = tuple(sorted({*plan.blast_radius, *changed} - {*plan.targets}))
    gone = (step.change for step in plan.steps)
    asked = (it.ref for it in gone if is_for_good(it.ref.kind, it.before, it.after))
    # What a person typed the name of is to be gone; whatever goes with it still counts as worst.
    return Gate(plan.targets, plan.roots, near, (*plan.stops, *asked))


class Watch:
    """Looks again and again until the verdict is sure, or time is up."""

    def __init__(
        self,
        plan: Plan,
        ports: Ports,
        observe: Observe,
        before: Sequence[Health],
        written: Mapping[Ref, int],
        *,
        guard: Callable[[], None] = lambda: None,
        left_s: float | None = None,
    ) -> None:
        self._gate = gate_of(plan)
        self._ports = ports
        self._observe = observe
        self._before = tuple(before)
        self._written = dict(written)
        self._ill = _ill(self._gate, self._before)
        self._rising = rising(self._before)
        self._callers: frozenset[Ref] = frozenset()
        self._relapses = Relapses(self._before[-1].taken_at if self._before else None)
        self._guard = guard
        self._left_s = left_s
        self._started = ports.clock.monotonic()
        self._fresh = Fresh(ports, self._before, self._gate.near)
        self._heard = Heard(self._gate.roots)
        self._samples: list[tuple[float, Health]] = []
        self._good_since: float | None = None
        self._bad_since: float | None = None
        self._slow_since: float | None = None
        self._rising_since: float | None = None
        self._hold_s = ports.limits.stability_s
        self._slow_windows = 0
        self._slower: tuple[str, ...] = ()
        self._missing: tuple[str, ...] = ()
        self._moved_at = 0.0
        self._states: set[object] = set()
        self._patience_s = NO_PROGRESS_S
        self._broken: Mapping[str, str] = {}
        self._limit_s = ports.limits.budget_s

    def until_sure(self) -> Outcome:
        """COMMIT, or ROLL_BACK with the reasons. Never WAIT."""
        while True:
            if self._ports.interrupt.requested:
                return self._end(Decision.ROLL_BACK, ("interrupted",), None)
            try:
                self._guard()
                seen = look(lambda: logs_since(self._observe(), self._fresh.since))
            except (ClusterUnreachable, ClusterAnswer) as error:
                if not is_passing(error):
                    raise
                if self._elapsed() - self._age() > UNREACHABLE_S:
                    reason = (
                        f"the API server did not answer for {UNREACHABLE_S:.0f} s ({error.what})"
                    )
                    return self._end(Decision.ROLL_BACK, (reason,), None)
                self._ports.clock.sleep(self._ports.limits.poll_s)
                continue
            outcome = self._consider(seen)
            if outcome is not None:
                return outcome
            self._ports.clock.sleep(self._ports.limits.poll_s)

    def _consider(self, seen: Look) -> Outcome | None:
        """The outcome of one more look, or None to look again."""
        now, graph = self._elapsed(), seen.detection.graph
        if not self._samples:
            waits = not is_seen_at_once(self._written)
            reached = {*self._gate.targets, *self._gate.near}
            longest = deadline_s(graph, (*self._written, *(reached if waits else ())))
            budget = self._ports.limits.budget_s if self._left_s is None else self._left_s
            spare_s = budget - reserve_s(self._ports.limits)
            longest += self._fresh.longest_s(graph.snap.signals) + self._heard.longest_s
            longest += FOR_S if self._rising else 0.0
            self._limit_s = max(min(longest, spare_s), self._ports.limits.stability_s)
            # An older incident in their window may hide that theirs rose with what they call.
            self._callers = callers_of(graph, self._rising & reached)
        self._relapses.see(graph)
        others = elsewhere(self._gate, self._written, self._before, seen.health, graph)
        before = [without_traffic(health, others) for health in self._before]
        health = without_traffic(seen.health, others)
        self._samples.append((now, self._relapses.without_illness(health, graph)))
        spare = allowances(graph, [ref for ref in self._written if ref.kind == "Pod"])
        lacking = self._relapses.lacking(graph)
        found = breaker(self._gate, before, health, Counter(spare) + Counter(lacking))
        broken = {text.partition(" fell ")[0]: text for text in found}
        harmed = harm(self._before, self._samples, spare, self._callers)
        # Twice in a row: counts in a status lag behind each other by a moment.
        lasting = tuple(broken[subject] for subject in broken if subject in self._broken)
        if harmed or lasting:
            return self._end(Decision.ROLL_BACK, (*harmed, *lasting), seen.health)
        self._broken = broken
        waiting = unsettled(graph, self._written, self._ill)
        verdict = judge(
            self._gate,
            before,
            health,
            seen.detection.findings,
            seen.detection.skips,
            _without(alarms(graph, self._before, self._fresh.written_at), others),
            self._relapses.units(graph),
            self._relapses.callers(graph) | self._callers,
        )
        self._track(now, verdict, waiting, seen)
        if self._held(self._good_since, now, self._hold_s) and not self._missing:
            reasons = (*verdict.reasons, *_unjudged(others))
            return self._end(Decision.COMMIT, reasons, seen.health, verdict)
        if self._held(self._bad_since, now):
            return self._end(Decision.ROLL_BACK, verdict.reasons, seen.health, verdict)
        return self._time_up(now, verdict, waiting, seen)

    def _track(self, now: float, verdict: Verdict, waiting: tuple[str, ...], seen: Look) -> None:
        """For how long it has been good, bad, or without any movement."""
        self._fresh.settled(not waiting)
        signals = seen.detection.snap.signals
        self._missing = missing = (
            *self._fresh.missing(seen.health, signals),
            *self._heard.missing(seen.detection.graph, self._fresh.waited_s),
            *self._relapses.missing(seen.detection.graph, (*self._gate.targets, *self._gate.near)),
        )
        good = not waiting and verdict.decision is Decision.COMMIT
        bad = not waiting and verdict.decision is Decision.ROLL_BACK
        slow = not waiting and verdict.slower_only
        self._good_since = _since(self._good_since, now) if good else None
        self._bad_since = _since(self._bad_since, now) if bad else None
        self._slow_since = _since(self._slow_since, now) if slow else None
        if self._held(self._slow_since, now):
            self._look_anew(verdict)
        self._follow(now, verdict, waits=bool(waiting))
        # A state seen before is no progress: a container that crashes goes round in a circle.
        counts = tuple(_counts(seen.health.units.get(ref)) for ref in self._gate.targets)
        state = (waiting, missing, counts)
        if state not in self._states:
            self._states.add(state)
            self._moved_at = now
        troubled = {finding.ref for finding in seen.detection.findings}
        self._patience_s = max(
            standstill_s(seen.detection.graph, self._written, troubled),
            self._fresh.longest_s(signals) + self._heard.longest_s + self._ports.limits.stability_s,
        )
        awaited = _awaited((*waiting, *missing), verdict, good=good)
        self._ports.progress.waiting(awaited, now, self._limit_s)

    def _look_anew(self, verdict: Verdict) -> None:
        """Begin another window where all that is bad may be a moment's slowness.

        What the change reaches is given one more; what it does not reach only delays the commit,
        so it is looked at until it is as before or time is up.
        """
        if verdict.decision is Decision.ROLL_BACK:
            self._slow_windows += 1
            if self._slow_windows >= SLOW_WINDOWS:
                return
        self._slower = verdict.reasons
        self._fresh.again(verdict.worse, self._before)
        self._slow_since = self._bad_since = None

    def _follow(self, now: float, verdict: Verdict, *, waits: bool) -> None:
        """Begin another window where errors that rose before the change are still too many.

        They may end at any moment, which an average over all the time since would hide. What was
        worse must then be well for as long as a loss must last to be harm: a short window alone is
        no proof, and of many the luckiest would be taken.
        """
        worse = [ref for ref in verdict.worse if ref in self._rising | self._callers]
        bad = bool(worse) and not waits and verdict.decision is Decision.WAIT
        self._rising_since = _since(self._rising_since, now) if bad else None
        if self._held(self._rising_since, now):
            self._hold_s = max(self._ports.limits.stability_s, FOR_S)
            self._fresh.again(worse, self._before)
            self._rising_since = None

    def _time_up(
        self, now: float, verdict: Verdict, waiting: tuple[str, ...], seen: Look
    ) -> Outcome | None:
        good = verdict.decision is Decision.COMMIT
        against = (*self._missing, *self._slower) if good else verdict.reasons
        why = (*against, *waiting) or ("the good state did not hold",)
        if now >= self._limit_s:
            head = f"not settled and better within {self._limit_s:.0f} s"
            return self._end(Decision.ROLL_BACK, (head, *why), seen.health, verdict)
        if now - self._moved_at > self._patience_s:
            head = f"nothing moved for {self._patience_s:.0f} s"
            return self._end(Decision.ROLL_BACK, (head, *why), seen.health, verdict)
        return None

    def _held(self, since: float | None, now: float, for_s: float | None = None) -> bool:
        least_s = self._ports.limits.stability_s if for_s is None else for_s
        return since is not None and now - since >= least_s

    def _elapsed(self) -> float:
        return self._ports.clock.monotonic() - self._started

    def _age(self) -> float:
        """When the last look succeeded."""
        return self._samples[-1][0] if self._samples else 0.0

    def _end(
        self,
        decision: Decision,
        reasons: tuple[str, ...],
        health: Health | None,
        verdict: Verdict | None = None,
    ) -> Outcome:
        improved = verdict.improved if verdict else ()
        worse = verdict.worse if verdict else ()
        found = Verdict(decision, reasons, improved, worse)
        return Outcome(found, health, self._elapsed(), self._fresh.since)


def _without(
    alarms: Mapping[Ref, Sequence[str]], others: Mapping[Ref, Ref]
) -> dict[Ref, Sequence[str]]:
    return {ref: names for ref, names in alarms.items() if ref not in others}


def _unjudged(others: Mapping[Ref, Ref]) -> tuple[str, ...]:
    """What the verdict leaves out, for people."""
    by_fault: dict[Ref, list[str]] = {}
    for ref in sorted(others):
        by_fault.setdefault(others[ref], []).append(str(ref))
    return tuple(
        f"traffic of {', '.join(units)} not judged: {fault}, which it calls, was out before and is"
        for fault, units in by_fault.items()
    )


def _ill(gate: Gate, before: Sequence[Health]) -> frozenset[Ref]:
    """Units that had problems at baseline and that this plan is not about."""
    units = before[-1].units if before else {}
    return frozenset(ref for ref, unit in units.items() if unit.problems) - {*gate.targets}


def _counts(unit: UnitHealth | None) -> object:
    """What shows progress: numbers that telemetry measures always differ a little."""
    return unit and (unit.stage, unit.ready, unit.endpoints, unit.problems)


def _since(former: float | None, now: float) -> float:
    return now if former is None else former


def _awaited(waiting: tuple[str, ...], verdict: Verdict, *, good: bool) -> str:
    if waiting:
        return waiting[0]
    if good:
        return "the good state to hold"
    return verdict.reasons[0] if verdict.reasons else "an improvement"
