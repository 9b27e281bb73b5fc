"""The loop: detect, diagnose, mitigate, validate; roll back and try the next with what was learnt.

Detection -> Diagnosis -> Mitigation -> Validation -> Resolved, or Rollback -> the next candidate,
until resolved, out of candidates, out of attempts or out of budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from stratus_cli.flow.assemble import Look, chosen, look
from stratus_cli.flow.mitigate import execute_plan, watch_after
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.flow.plan import candidates, plan_from_lines
from stratus_cli.flow.transaction import journal_of
from stratus_cli.flow.undo import Selector, selected, take_back, written_by
from stratus_cli.journal.replay import transactions
from stratus_cli.knowledge.runbook import Runbook
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.errors import StratusError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Candidate, Plan
from stratus_cli.model.ports import Ports
from stratus_cli.model.report import Report, TimelineEntry, Timing, TransactionReport
from stratus_cli.model.snapshot import Snapshot


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


@dataclass
class _Story:
    """What has happened so far."""

    first: Look
    incidents: dict[str, Incident] = field(default_factory=dict)
    candidates: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)
    transactions: list[TransactionReport] = field(default_factory=list)
    learnt: dict[str, tuple[str, ...]] = field(default_factory=dict)
    timeline: list[TimelineEntry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mitigate_s: float | None = None


class _Stop(Exception):  # control flow inside this file, never an error
    """A person said stop, or going on would be wrong."""


def run(ports: Ports, request: RunRequest) -> Report:
    """The whole loop. Raises what a person must be told before anything was written."""
    loop = _Loop(ports, request)
    return loop.run()


class _Loop:
    def __init__(self, ports: Ports, request: RunRequest) -> None:
        self._ports = ports
        self._request = request
        self._scope = ScopeRequest(request.scope)
        self._started = ports.clock.monotonic()
        self._story: _Story

    def run(self) -> Report:
        """Incident after incident, worst first, each with a fresh look."""
        seen = look(self._ports, self._scope, runbooks=self._request.runbooks)
        self._story = _Story(seen)
        for incident in chosen(seen, self._request.incident):
            self._story.incidents[incident.id] = incident
        handled: set[str] = set()
        fresh = True
        try:
            while (worst := self._next(seen, handled)) is not None:
                handled.add(worst.id)
                self._story.incidents[worst.id] = worst
                fresh = False
                wrote = self._repair(worst, seen)
                if self._request.first_only:
                    break
                if wrote:
                    seen = self._look_again()
                    fresh = True
        except _Stop:
            pass
        return self._report(seen if fresh else self._final(seen))

    def _next(self, seen: Look, handled: set[str]) -> Incident | None:
        if self._left_s() <= 0:
            self._story.notes.append("the time budget is used up; the rest was not touched")
            return None
        if self._ports.interrupt.requested:
            return None
        asked = self._request.incident
        for incident in seen.incidents:
            wanted = not asked or incident.id.startswith(asked)
            if incident.id not in handled and wanted:
                return incident
        return None

    def _repair(self, incident: Incident, seen: Look) -> bool:
        """Try the candidates of one incident. Whether anything was written."""
        made = candidates(incident, seen.detection.graph, self._ports, self._request.runbooks)
        self._story.candidates[incident.id] = made
        if self._request.dry_run:
            return False
        wrote = False
        attempts = 0
        queue = [item.plan for item in made if item.plan is not None]
        while queue and attempts < self._ports.limits.max_attempts:
            agreed = self._agreed(queue.pop(0), incident, seen)
            if agreed is None:
                continue
            tx = self._execute(agreed, incident)
            wrote = wrote or tx.writes > 0
            if tx.state is TransactionState.COMMITTED and not tx.open:
                self._watch(tx, agreed)
                return True
            if tx.open or tx.state is TransactionState.NEEDS_HUMAN:
                raise _Stop
            if self._ports.interrupt.requested:
                raise _Stop
            attempts += tx.state is TransactionState.UNDONE
            lesson = f"{agreed.candidate}: {tx.state.value}, {tx.why}"
            self._learn(incident, lesson)
        return wrote

    def _agreed(self, plan: Plan, incident: Incident, seen: Look) -> Plan | None:
        """The plan as a person agreed to it; None to go on with the next one."""
        while True:
            answer = self._ports.operator.approve(plan, incident)
            if answer.choice == "yes":
                return plan
            if answer.choice == "next":
                return None
            if answer.choice != "edit":
                raise _Stop
            namespace = incident.roots[0].root.namespace or "default"
            edited = plan_from_lines(
                answer.lines,
                self._ports,
                seen.detection.graph,
                namespace,
                incident,
                title="edited by hand",
            )
            if edited.plan is None:
                refusal = edited.refusal
                self._ports.progress.note(
                    f"these lines cannot be planned: {refusal.reason if refusal else 'no change'}"
                )
                continue
            plan = edited.plan
            found = self._story.candidates[incident.id]
            self._story.candidates[incident.id] = (*found, edited)

    def _execute(self, plan: Plan, incident: Incident) -> TransactionReport:
        clock = self._ports.clock
        began, at = clock.monotonic(), clock.now()
        self._tell(f"mitigation: {plan.title}", at=at)
        tx = execute_plan(plan, self._ports, self._observe, left_s=self._left_s())
        self._story.transactions.append(tx)
        took = clock.monotonic() - began
        self._story.mitigate_s = (self._story.mitigate_s or 0.0) + took
        state = "left open" if tx.open else tx.state.value
        self._tell(f"{state}: {tx.id} ({incident.title})")
        return tx

    def _watch(self, tx: TransactionReport, plan: Plan) -> None:
        """A late regression is undone by a new transaction; both are in the report."""
        seconds = min(self._ports.limits.watch_s, max(self._left_s(), 0.0))
        reasons = watch_after(plan, self._ports, self._observe, seconds)
        if not reasons:
            return
        self._tell(f"regressed after the commit: {'; '.join(reasons)}")
        recorded = selected(transactions(journal_of(self._ports).entries()), Selector(tx=tx.id))[0]
        try:
            undone = take_back(
                recorded,
                written_by(recorded),
                self._ports,
                self._observe,
                force=False,
                accept_loss=True,
            )
        except StratusError as error:
            self._story.notes.append(f"the late regression was not undone: {error}")
            return
        if undone.state is TransactionState.COMMITTED:
            why = f"late regression, taken back by {undone.id}: {'; '.join(reasons)}"
            kept = self._story.transactions
            kept[kept.index(tx)] = replace(tx, state=TransactionState.UNDONE, why=why)
        self._story.transactions.append(replace(undone, incident=""))
        self._tell(f"{undone.state.value}: {undone.id} (late undo)")

    def _learn(self, incident: Incident, lesson: str) -> None:
        former = self._story.learnt.get(incident.id, ())
        self._story.learnt[incident.id] = (*former, lesson)
        self._ports.progress.note(f"learnt: {lesson}")

    def _look_again(self) -> Look:
        return look(self._ports, self._scope, runbooks=self._request.runbooks)

    def _observe(self) -> Snapshot:
        return observe(self._ports, self._scope)

    def _left_s(self) -> float:
        return self._ports.limits.budget_s - (self._ports.clock.monotonic() - self._started)

    def _tell(self, what: str, *, at: datetime | None = None) -> None:
        self._story.timeline.append(TimelineEntry(at or self._ports.clock.now(), what))

    def _report(self, last: Look) -> Report:
        """What was attempted, and what is still there at the end."""
        story = self._story
        tried = {tx.incident for tx in story.transactions}
        still = {item.id: item for item in _matching(last, self._request.incident)}
        kept = [item for key, item in story.incidents.items() if key in tried or key in still]
        kept += [item for key, item in still.items() if key not in story.incidents]
        first = story.first
        return Report(
            command=self._request.command,
            cluster=last.snap.cluster,
            taken_at=last.snap.taken_at,
            scope=last.snap.scope,
            gaps=last.snap.gaps,
            skips=last.detection.skips,
            health=last.health,
            findings=last.detection.findings,
            incidents=tuple(kept),
            candidates=story.candidates,
            transactions=tuple(story.transactions),
            timing=Timing(first.timing.detect_s, first.timing.diagnose_s, story.mitigate_s),
            timeline=(*first.timeline, *story.timeline),
            learnt=story.learnt,
            notes=tuple(story.notes),
        )

    def _final(self, seen: Look) -> Look:
        """The cluster as it is left; the last look where nothing was written since."""
        if not any(tx.writes for tx in self._story.transactions):
            return seen
        try:
            return self._look_again()
        except StratusError as error:
            self._story.notes.append(f"the last look failed: {error}")
            return seen


def _matching(seen: Look, incident: str) -> tuple[Incident, ...]:
    """The incident asked for, where it is still there; all when none was asked for."""
    return tuple(item for item in seen.incidents if item.id.startswith(incident))
