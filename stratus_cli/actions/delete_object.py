"""Delete an object.

Reversible only where creating it again gives back what was: no finalizers, and nothing that garbage
collection would take with it. A pod that something controls is compensable; a claim, a volume, a
namespace and a custom resource definition are irreversible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, identified, line, target
from stratus_cli.actions.dependents import taken_along
from stratus_cli.actions.whole import whole
from stratus_cli.kube.for_good import FOR_GOOD
from stratus_cli.model.change import Change, Reversibility
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

IRREVERSIBLE = (
    "Node",
    "Secret",
    "ServiceAccount",
    "Event",
    "Lease",
    "Job",  # put back, it would run again
)
RESTS = ("spec", "data", "binaryData", "rules", "roleRef", "subjects")
"""What a deletion takes away must be what the reviewer saw."""


@dataclass(frozen=True)
class DeleteObject:
    """The object that goes."""

    KIND: ClassVar[str] = "delete-object"
    ref: Ref

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One deletion."""
        if self.ref.kind in IRREVERSIBLE:
            return Refusal(
                "irreversible",
                f"a deleted {self.ref.kind} cannot be put back as it was",
                "delete it by hand",
            )
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        if self.ref.kind in FOR_GOOD:
            return (self._for_good(before),)
        refusal = self._holds(before, read)
        if refusal is not None:
            return refusal
        reversibility = (
            Reversibility.COMPENSABLE if self.ref.kind == "Pod" else Reversibility.REVERSIBLE
        )
        change = Change(identified(self.ref, before), before, None, reversibility)
        depends = () if self.ref.kind == "Pod" else tuple(key for key in RESTS if key in before)
        return (Prepared(change, line("delete", target(self.ref), ref=self.ref), depends),)

    def _for_good(self, before: Item) -> Prepared:
        """Planned as what it is; flow.steps takes it only where a person said so."""
        change = Change(identified(self.ref, before), before, None, Reversibility.IRREVERSIBLE)
        depends = tuple(key for key in RESTS if key in before)
        return Prepared(change, line("delete", target(self.ref), ref=self.ref), depends)

    def _holds(self, item: Item, read: Reader) -> Refusal | None:
        meta = item["metadata"]
        if meta.get("finalizers"):
            names = ", ".join(map(str, meta["finalizers"]))
            return Refusal("finalizers", f"{self.ref} has finalizers ({names})", "delete by hand")
        if self.ref.kind == "Pod":
            owners = meta.get("ownerReferences") or ()
            if not any(owner.get("controller") for owner in owners):
                return Refusal("irreversible", f"nothing would make {self.ref} again")
            return None
        return taken_along(item, self.ref, read)
