"""Mark a node as unschedulable, or schedulable again. Reversible."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, update
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class Cordon:
    """unschedulable: True to cordon, False to uncordon."""

    KIND: ClassVar[str] = "cordon"
    ref: Ref
    unschedulable: bool

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of spec.unschedulable."""
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        after = copy.deepcopy(before)
        spec = after.setdefault("spec", {})
        if self.unschedulable:
            spec["unschedulable"] = True
        else:
            spec.pop("unschedulable", None)
        word = "cordon" if self.unschedulable else "uncordon"
        return update(before, after, self.ref, line(word, self.ref.name))
