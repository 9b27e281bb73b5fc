"""What a journal's records say: one RecordedTransaction per transaction. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stratus_cli.model.entry import (
    Accepted,
    Begin,
    Done,
    End,
    Entry,
    Failed,
    Intent,
    Judged,
)
from stratus_cli.model.health import TransactionState


@dataclass(frozen=True)
class RecordedTransaction:
    """One transaction as the journal has it. state: None while it is open.

    intents, dones, failures: in the order in which they were written, roll-back ones included; of
    a step that was tried several times only the last try.
    unrestored: exact differences left (NEEDS_HUMAN). undone_by: id of a committed undo that is
    in force, or "". last_at: time of its newest record.
    """

    id: str
    at: datetime
    kind: str
    incident: str
    title: str
    who: str
    undoes: str
    plan: Mapping[str, Any]
    last_at: datetime
    state: TransactionState | None = None
    why: str = ""
    writes: int = 0
    intents: tuple[Intent, ...] = ()
    dones: tuple[Done, ...] = ()
    failures: tuple[Failed, ...] = ()
    verdicts: tuple[Judged, ...] = ()
    unrestored: tuple[Mapping[str, Any], ...] = ()
    undone_by: str = ""
    accepted: bool = False

    @property
    def applied(self) -> tuple[Intent, ...]:
        """Intents that the API server took and that this transaction did not take back."""
        made = {done.step for done in self.dones if not done.rollback}
        back = {done.step for done in self.dones if done.rollback}
        return tuple(
            intent for intent in self.intents if not intent.rollback and intent.step in made - back
        )


def transactions(entries: Iterable[Entry]) -> tuple[RecordedTransaction, ...]:
    """Oldest first. Records of a transaction whose Begin is missing are left out."""
    drafts: dict[str, _Draft] = {}
    for entry in entries:
        if isinstance(entry, Begin):
            drafts.setdefault(entry.tx, _Draft(entry))
        elif entry.tx in drafts:
            drafts[entry.tx].take(entry)
    undone: dict[str, list[str]] = {}
    for tx, draft in drafts.items():
        if draft.begin.undoes and draft.is_committed:
            undone.setdefault(draft.begin.undoes, []).append(tx)
    return tuple(draft.done(_undone_by(tx, undone)) for tx, draft in drafts.items())


def _undone_by(
    tx: str, undone: Mapping[str, list[str]], above: frozenset[str] = frozenset()
) -> str:
    """The newest committed undo that was not undone itself; a forged circle counts as none."""
    above |= {tx}
    for by in reversed(undone.get(tx, [])):
        if by not in above and not _undone_by(by, undone, above):
            return by
    return ""


@dataclass
class _Draft:
    """One transaction while its records are read."""

    begin: Begin
    last_at: datetime = field(init=False)
    end: End | None = None
    intents: list[Intent] = field(default_factory=list)
    dones: list[Done] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)
    verdicts: list[Judged] = field(default_factory=list)
    accepted: bool = False

    def __post_init__(self) -> None:
        self.last_at = self.begin.at

    @property
    def is_committed(self) -> bool:
        return self.end is not None and self.end.state is TransactionState.COMMITTED

    def take(self, entry: Entry) -> None:
        self.last_at = max(self.last_at, entry.at)
        match entry:
            case Intent():
                self._try_again(entry)
                self.intents.append(entry)
            case Done():
                self.dones.append(entry)
            case Failed():
                self.failures.append(entry)
            case Judged():
                self.verdicts.append(entry)
            case End():
                self.end = entry
            case Accepted():
                self.accepted = True

    def _try_again(self, entry: Intent) -> None:
        """A further try of a step (after a conflict) was made on a fresh read: only it counts."""
        key = (entry.step, entry.rollback)
        if any((done.step, done.rollback) == key for done in self.dones):
            return
        self.intents = [item for item in self.intents if (item.step, item.rollback) != key]
        self.failures = [item for item in self.failures if (item.step, item.rollback) != key]

    def done(self, undone_by: str) -> RecordedTransaction:
        begin, end = self.begin, self.end
        return RecordedTransaction(
            id=begin.tx,
            at=begin.at,
            kind=begin.kind,
            incident=begin.incident,
            title=begin.title,
            who=begin.who,
            undoes=begin.undoes,
            plan=begin.plan,
            last_at=self.last_at,
            state=end.state if end else None,
            why=end.why if end else "",
            writes=end.writes if end else len(self.dones),
            intents=tuple(self.intents),
            dones=tuple(self.dones),
            failures=tuple(self.failures),
            verdicts=tuple(self.verdicts),
            unrestored=end.unrestored if end else (),
            undone_by=undone_by,
            accepted=self.accepted,
        )
