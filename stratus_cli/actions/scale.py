"""Set the number of replicas. Reversible. Refused where an autoscaler owns the number."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, missing, target, update
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

SCALABLE = ("Deployment", "StatefulSet", "ReplicaSet")
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
        before = read.get(self.ref)
        if before is None:
            return missing(self.ref)
        owner = self._autoscaler(read)
        if owner:
            return Refusal(
                "owner", f"{owner} sets the replicas of {self.ref}", f"change {owner} instead"
            )
        after = copy.deepcopy(before)
        after.setdefault("spec", {})["replicas"] = self.replicas
        text = line("scale", target(self.ref), f"--replicas={self.replicas}", ref=self.ref)
        return update(before, after, self.ref, text)

    def _autoscaler(self, read: Reader) -> str:
        for item in read.list("HorizontalPodAutoscaler", self.ref.namespace):
            aim = (item.get("spec") or {}).get("scaleTargetRef") or {}
            if (aim.get("kind"), aim.get("name")) == (self.ref.kind, self.ref.name):
                return f"HorizontalPodAutoscaler {item['metadata']['name']}"
        return ""
