"""What a run has done so far, and the report of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stratus_cli.flow.assemble import Look
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.plan import Candidate
from stratus_cli.model.report import Report, TimelineEntry, Timing, TransactionReport


@dataclass
class Story:
    """Grows while the loop runs. first: the look that it began with."""

    first: Look
    incidents: dict[str, Incident] = field(default_factory=dict)
    candidates: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)
    transactions: list[TransactionReport] = field(default_factory=list)
    learnt: dict[str, tuple[str, ...]] = field(default_factory=dict)
    timeline: list[TimelineEntry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mitigate_s: float | None = None

    def tell(self, at: datetime, what: str) -> None:
        """One more line of the timeline."""
        self.timeline.append(TimelineEntry(at, what))

    def add(self, tx: TransactionReport, took_s: float) -> None:
        """One more attempt."""
        self.transactions.append(tx)
        self.mitigate_s = (self.mitigate_s or 0.0) + took_s

    def regressed(self, tx: TransactionReport, undone: TransactionReport) -> TransactionReport:
        """A commit that was taken back later. Both transactions stay in the report."""
        self.transactions[self.transactions.index(tx)] = undone
        return undone

    def learn(self, incident: Incident, lesson: str) -> None:
        """Why an attempt on the incident came to nothing."""
        self.learnt[incident.id] = (*self.learnt.get(incident.id, ()), lesson)

    def not_tried(self, incident: Incident, left: int, attempts: int) -> None:
        """The bound on attempts ended it: say so, and what would go on."""
        were = "candidate was" if left == 1 else "candidates were"
        self.notes.append(
            f"{incident.title} ({incident.id}): {left} {were} not tried after {attempts} that came"
            " to nothing (--max-attempts gives more)"
        )

    def offer(self, incident: Incident, made: Sequence[Candidate]) -> None:
        """What can be tried for an incident now, after what was tried already."""
        used = {tx.plan.id for tx in self.transactions if tx.plan is not None}
        former = [
            item
            for item in self.candidates.get(incident.id, ())
            if item.plan is not None and item.plan.id in used
        ]
        self.candidates[incident.id] = (*former, *made)

    @property
    def wrote(self) -> bool:
        """Whether the cluster may differ from the first look because of us."""
        return any(tx.writes for tx in self.transactions)

    def report(self, command: str, last: Look, asked: str) -> Report:
        """What was attempted, and what is still there at the end. asked: an incident's id or ""."""
        tried = {tx.incident for tx in self.transactions}
        still = {item.id: item for item in last.incidents if item.id.startswith(asked)}
        kept = [item for key, item in self.incidents.items() if key in tried or key in still]
        kept += [item for key, item in still.items() if key not in self.incidents]
        return Report(
            command=command,
            cluster=last.snap.cluster,
            taken_at=last.snap.taken_at,
            scope=last.snap.scope,
            gaps=last.snap.gaps,
            skips=last.detection.skips,
            health=last.health,
            findings=last.detection.findings,
            incidents=tuple(kept),
            candidates=self.candidates,
            transactions=tuple(self.transactions),
            timing=Timing(
                self.first.timing.detect_s, self.first.timing.diagnose_s, self.mitigate_s
            ),
            timeline=(*self.first.timeline, *self.timeline),
            learnt=self.learnt,
            notes=tuple(self.notes),
        )
