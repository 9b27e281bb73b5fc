"""Change: one object going from one recorded state to another; and its inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from stratus_cli.model.ref import Ref

Json = Any
JsonObject = Mapping[str, Any]


class Reversibility(Enum):
    """What taking a change back can restore."""

    REVERSIBLE = "reversible"
    COMPENSABLE = "compensable"  # the effect can be made good, not undone (a deleted pod)
    IRREVERSIBLE = "irreversible"


EVICTION = "eviction"
ORPHAN = "orphan"


@dataclass(frozen=True)
class Change:
    """ref's raw JSON before and after. Create: before is None. Delete: after is None.

    Both are complete objects in normal form (kube.normal.normal_form: no status,
    resourceVersion, generation, managedFields, creationTimestamp; uid kept in ref).
    """

    ref: Ref
    before: JsonObject | None
    after: JsonObject | None
    reversibility: Reversibility = Reversibility.REVERSIBLE
    via: str = ""
    """Of a deletion. "eviction": of a pod, as PodDisruptionBudgets allow it. "orphan": what it owns
    stays."""

    def inverse(self) -> Change:
        """The same change turned round."""
        return Change(self.ref, self.after, self.before, self.reversibility)

    @property
    def operation(self) -> str:
        """ "create", "delete" or "update"."""
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "update"

    @property
    def verb(self) -> str:
        """What the cluster is asked for: the operation, or "evict"."""
        return "evict" if self.via == EVICTION else self.operation


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for a field that is not there (JSON null is another thing)."""

    def __repr__(self) -> str:
        return "(absent)"

    def __deepcopy__(self, memo: dict[int, Any]) -> Absent:
        """There is one, and it is compared by identity."""
        return self


ABSENT = Absent()


@dataclass(frozen=True)
class FieldEdit:
    """One field of one object. path: text form of kube.paths; before/after: JSON or ABSENT."""

    path: str
    before: Json
    after: Json
