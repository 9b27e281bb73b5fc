"""Objects that we deleted and made again: under which uid each goes on. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stratus_cli.model.entry import Done, Entry, Intent
from stratus_cli.model.ref import Ref


@dataclass
class Lineage:
    """heirs: uid of an object that we deleted -> uid of the one that we created in its place.

    deleted: uid of what we deleted last under a name and have not made again.
    """

    heirs: dict[str, str] = field(default_factory=dict)
    deleted: dict[Ref, str] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Lineage:
        """What a journal tells."""
        made = cls()
        intents: dict[tuple[str, int, bool], Intent] = {}
        for entry in entries:
            if isinstance(entry, Intent):
                intents[entry.tx, entry.step, entry.rollback] = entry
            elif isinstance(entry, Done):
                intent = intents.get((entry.tx, entry.step, entry.rollback))
                if intent is not None:
                    made.take(intent, entry.uid)
        return made

    def take(self, intent: Intent, answered: str) -> None:
        """One write that was made. answered: the uid that the server answered, "" for a delete."""
        if intent.after is None:
            self.deleted[intent.ref] = intent.ref.uid
        elif intent.before is None:
            former = self.deleted.pop(intent.ref, "")
            if former and answered and former != answered:
                self.heirs[former] = answered

    def is_same(self, known: str, found: str) -> bool:
        """Whether the object of uid `found` is the one of uid `known` or its heir; "" fits all."""
        for _ in range(len(self.heirs) + 1):
            if not known or not found or known == found:
                return True
            if known not in self.heirs:
                return False
            known = self.heirs[known]
        return False
