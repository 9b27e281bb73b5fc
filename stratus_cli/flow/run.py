"""The loop: detect, diagnose, mitigate, validate; roll back and try the next with what was learnt.

Detection -> Diagnosis -> Mitigation -> Validation -> Resolved, or Rollback -> Diagnosis again with
what was learnt, until resolved, out of candidates, out of attempts or out of budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stratus_cli.flow.assemble import Look, chosen, look
from stratus_cli.flow.echo import alerts_left_out, kept_since, without_echo
from stratus_cli.flow.gate import reserve_s
from stratus_cli.flow.late import watch_commit
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.flow.plan import candidates, effect_of, plan_from_lines
from stratus_cli.flow.story import Story
from stratus_cli.knowledge.runbook import Runbook
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.errors import StratusError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Candidate, Plan
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TRIED, Report, TransactionReport
from stratus_cli.model.snapshot import Snapshot

MOVED, HEALED = "unchanged", "still broken"  # checks of flow.preflight
SHOWS_WITHIN_S = 60.0  # our choice: a pull fails, or a crash is seen twice, well within
ATTEMPT_S = 10.0  # a baseline, a write and the stability window: less time is no attempt


@dataclass(frozen=True)
class RunRequest:
    """What is asked. scope: namespaces, () = all. incident: only this one (its first digits do).

    first_only: repair the worst incident and stop.
    """

    command: str = "run"
    scope: tuple[str, ...] = ()
    incident: str = ""
    first_only: bool = False
    dry_run: bool = False
    runbooks: Sequence[Runbook] = ()


class _Stop(Exception):  # control flow inside this file, never an error
    """A person said stop, or going on would be wrong."""


def run(ports: Ports, request: RunRequest) -> Report:
    """The whole loop. Raises only before the first transaction; after it, the report has it all."""
    return _Loop(ports, request).run()


class _Quiet:
    """Progress that nobody hears."""

    def stage(self, name: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        """Nothing."""


class _Loop:
    def __init__(self, ports: Ports, request: RunRequest) -> None:
        self._ports = ports
        self._request = request
        self._scope = ScopeRequest(request.scope)
        self._started = ports.clock.monotonic()
        self._since: dict[Ref, datetime] = {}
        """From when telemetry of a unit counts, where a repair was kept."""
        self._left_out: tuple[str, ...] = ()
        self._seen = self._look()
        self._fresh = True
        self._story = Story(self._seen)
        self._handled: set[str] = set()
        self._tried: set[object] = set()
        """Effects of plans that were undone since the last commit, or not wanted."""

    def run(self) -> Report:
        """Incident after incident, worst first, each with a fresh look."""
        for incident in chosen(self._seen, self._request.incident):
            self._story.incidents[incident.id] = incident
        try:
            while (worst := self._next()) is not None:
                self._handled.add(worst.id)
                self._story.incidents[worst.id] = worst
                if self._repair(worst):
                    # What it held up may be possible now.
                    self._handled -= self._story.learnt.keys() - {worst.id}
                    self._tried.clear()
                if self._request.first_only:
                    break
                self._refresh()
        except _Stop:
            pass
        except StratusError as error:
            if not self._story.transactions:
                raise
            self._story.notes.append(f"stopped: {error}")
        return self._story.report(self._request.command, self._final(), self._request.incident)

    def _next(self) -> Incident | None:
        """The worst incident that was not handled, while there is time for it."""
        if self._ports.interrupt.requested:
            return None
        asked = self._request.incident
        for incident in self._seen.incidents:
            if incident.id in self._handled or not incident.id.startswith(asked):
                continue
            if not self._request.dry_run and not self._has_time():
                return None
            return incident
        return None

    def _has_time(self) -> bool:
        """Whether an attempt and its way back fit into what is left of the budget."""
        if self._left_s() >= reserve_s(self._ports.limits) + ATTEMPT_S:
            return True
        note = "the time budget is used up; what is left was not touched (--budget gives more)"
        if note not in self._story.notes:
            self._story.notes.append(note)
        return False

    def _repair(self, incident: Incident) -> bool:
        """Try the candidates of one incident. Whether it was repaired."""
        queue = self._planned(incident)
        if self._request.dry_run:
            return False
        attempts, replanned = 0, False
        while queue and attempts < self._ports.limits.max_attempts and self._has_time():
            plan = self._agreed(queue.pop(0), incident)
            if plan is None:
                continue
            tx = self._attempt(plan, incident)
            if tx.state is TransactionState.COMMITTED:
                return True
            if HEALED in tx.checks:
                return False
            moved = MOVED in tx.checks
            if moved and replanned:
                return False
            if tx.state is TransactionState.UNDONE or moved:
                attempts += tx.state is TransactionState.UNDONE
                replanned = replanned or moved
                if not moved:
                    self._until_it_shows(incident)
                self._refresh()
                again = next((i for i in self._seen.incidents if i.id == incident.id), None)
                if again is None:
                    return False
                if moved:
                    self._ports.progress.note("it changed since the plan was made: planned again")
                queue = self._planned(again)
        if queue and attempts >= self._ports.limits.max_attempts:
            self._story.not_tried(incident, len(queue), attempts)
        return False

    def _planned(self, incident: Incident) -> list[Plan]:
        """The plans to try now, without those that came to nothing already."""
        learnt = self._story.learnt.get(incident.id, ())
        graph = self._seen.detection.graph
        made = candidates(incident, graph, self._ports, self._request.runbooks, learnt=learnt)
        new = [
            item for item in made if item.plan is None or effect_of(item.plan) not in self._tried
        ]
        new = [_with_lessons(item, learnt) for item in new]
        self._story.offer(incident, new)
        return [item.plan for item in new if item.plan is not None]

    def _agreed(self, plan: Plan, incident: Incident) -> Plan | None:
        """The plan as a person agreed to it; None to go on with the next one."""
        while True:
            answer = self._ports.operator.approve(plan, incident)
            if answer.choice == "yes":
                return plan
            if answer.choice == "next":
                self._tried.add(effect_of(plan))
                return None
            if answer.choice != "edit":
                raise _Stop
            plan = self._edited(answer.lines, incident) or plan

    def _edited(self, lines: Sequence[str], incident: Incident) -> Plan | None:
        """The plan that the edited lines make; None, and the reason shown, when they make none."""
        namespace = incident.roots[0].root.namespace or "default"
        graph = self._seen.detection.graph
        made = plan_from_lines(
            lines, self._ports, graph, namespace, incident, title="edited by hand"
        )
        if made.plan is None:
            reason = str(made.refusal) if made.refusal else "they change nothing"
            self._ports.progress.note(f"these lines cannot be planned: {reason}")
            return None
        former = self._story.candidates[incident.id]
        self._story.candidates[incident.id] = (*former, made)
        return made.plan

    def _attempt(self, plan: Plan, incident: Incident) -> TransactionReport:
        """One transaction, and the watch after its commit. _Stop where nobody may go on."""
        clock = self._ports.clock
        began = clock.monotonic()
        self._story.tell(clock.now(), f"mitigation: {plan.title}")
        tx = execute_plan(plan, self._ports, self._observe, left_s=self._left_s())
        self._fresh = False
        self._story.add(tx, clock.monotonic() - began)
        state = "left open" if tx.open else tx.state.value
        self._story.tell(clock.now(), f"{state}: {tx.id} ({incident.title})")
        if tx.state is TransactionState.COMMITTED and not tx.open:
            self._since |= kept_since(tx, plan)
            tx = self._watched(tx, plan)
        if tx.state is not TransactionState.COMMITTED:
            lesson = f"{plan.candidate}: {tx.state.value} because {tx.why}"
            self._story.learn(incident, lesson)
            if MOVED not in tx.checks:
                self._tried.add(effect_of(plan))
            self._ports.progress.note(f"learnt: {lesson}")
        if tx.open or tx.state is TransactionState.NEEDS_HUMAN or self._ports.interrupt.requested:
            raise _Stop
        return tx

    def _watched(self, tx: TransactionReport, plan: Plan) -> TransactionReport:
        """A late regression is undone by a new transaction; both are in the report."""
        late = watch_commit(tx, plan, self._ports, self._observe, self._left_s())
        if not late.reasons:
            return tx
        now = self._ports.clock.now
        self._story.tell(now(), f"regressed after the commit: {'; '.join(late.reasons)}")
        if late.undone is None:
            self._story.notes.append(late.failed)
            raise _Stop
        self._story.transactions.append(late.undone)
        self._story.tell(now(), f"{late.undone.state.value}: {late.undone.id} (late undo)")
        if not late.is_undone:
            raise _Stop
        return self._story.regressed(tx, late.of(tx))

    def _until_it_shows(self, incident: Incident) -> None:
        """After a roll-back a fault takes a moment to show again; till then all may look well."""
        clock, progress = self._ports.clock, self._ports.progress
        quiet = replace(self._ports, progress=_Quiet(), diagnoser=None)
        started = clock.monotonic()
        while (waited := clock.monotonic() - started) < min(SHOWS_WITHIN_S, self._left_s()):
            if self._ports.interrupt.requested:
                raise _Stop
            seen = look(quiet, self._scope)
            if any(item.id == incident.id for item in seen.incidents):
                return
            progress.waiting("the fault to show as before", waited, SHOWS_WITHIN_S)
            clock.sleep(self._ports.limits.poll_s)

    def _refresh(self) -> None:
        """A fresh look, where the last one is from before a write."""
        if not self._fresh:
            self._seen, self._fresh = self._look(), True

    def _final(self) -> Look:
        """The cluster as it is left; the last look where a new one fails."""
        try:
            self._refresh()
        except StratusError as error:
            self._story.notes.append(f"the last look failed: {error}")
        self._story.notes.extend(self._left_out)
        return self._seen

    def _look(self) -> Look:
        def seen(snap: Snapshot) -> Snapshot:
            kept = without_echo(self._ports, snap, self._since)
            self._left_out = alerts_left_out(snap, kept)
            return kept

        return look(self._ports, self._scope, runbooks=self._request.runbooks, seen=seen)

    def _observe(self) -> Snapshot:
        return observe(self._ports, self._scope)

    def _left_s(self) -> float:
        return self._ports.limits.budget_s - (self._ports.clock.monotonic() - self._started)


def _with_lessons(candidate: Candidate, learnt: Sequence[str]) -> Candidate:
    """What was tried before and why it was undone, as notes of the plan that is shown next."""
    if candidate.plan is None or not learnt:
        return candidate
    notes = (*(f"{TRIED}{lesson}" for lesson in learnt), *candidate.plan.notes)
    return replace(candidate, plan=replace(candidate.plan, notes=notes))
