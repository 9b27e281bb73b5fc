"""Set the number of replicas. Reversible. Refused where an autoscaler owns the number."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.owners import SCALABLE, made_by, scaled_by
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

MOST = 1000  # our choice: beyond this a typing error is likelier than an intention


@dataclass(frozen=True)
class Scale:
    """replicas: the wanted number."""

    KIND: ClassVar[str] = "scale"
    ref: Ref
    replicas: int

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of spec.replicas."""
        if self.ref.kind not in SCALABLE:
            return Refusal("kind", f"a {self.ref.kind} has no replicas to set")
        if not 0 <= self.replicas <= MOST:
            return Refusal("bounds", f"{self.replicas} replicas are outside 0 to {MOST}")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        refusal = made_by(before, self.ref) or scaled_by(read, self.ref)
        if refusal is not None:
            return refusal
        after = copy.deepcopy(before)
        after.setdefault("spec", {})["replicas"] = self.replicas
        text = line("scale", target(self.ref), f"--replicas={self.replicas}", ref=self.ref)
        return update(before, after, self.ref, text)
