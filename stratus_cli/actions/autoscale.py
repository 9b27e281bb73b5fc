"""Let a HorizontalPodAutoscaler set the replicas of a workload (kubectl autoscale). Reversible.

Taking it back deletes the autoscaler; a number of replicas that it has set meanwhile is its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, target
from stratus_cli.actions.manifest import creatable, created
from stratus_cli.actions.owners import SCALABLE, made_by, scaled_by
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class Autoscale:
    """least, most: replicas; least 0 leaves it to the server (1).

    cpu: "80%" of the requests, or an amount ("500m") for each pod; "" leaves it to the server.
    """

    KIND: ClassVar[str] = "autoscale"
    ref: Ref
    most: int
    least: int = 0
    cpu: str = ""
    name: str = ""

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One creation."""
        if self.ref.kind not in SCALABLE:
            return Refusal("kind", f"a {self.ref.kind} has no replicas to set")
        item = whole(read, self.ref)
        if isinstance(item, Refusal):
            return item
        refusal = made_by(item, self.ref) or scaled_by(read, self.ref)
        if refusal is not None:
            return refusal
        name = self.name or self.ref.name
        ref = Ref("HorizontalPodAutoscaler", self.ref.namespace, name, "autoscaling/v2")
        if read.get(ref) is not None:
            return Refusal("exists", f"{ref} is there already", "add --name=ANOTHER")
        made = creatable(ref, self._autoscaler(ref, str(item.get("apiVersion") or "apps/v1")))
        return made if isinstance(made, Refusal) else created(ref, made, self._line())

    def _autoscaler(self, ref: Ref, version: str) -> Item:
        aim = {"apiVersion": version, "kind": self.ref.kind, "name": self.ref.name}
        spec: Item = {"scaleTargetRef": aim, "maxReplicas": self.most}
        if self.least:
            spec["minReplicas"] = self.least
        if self.cpu:
            share = self.cpu.removesuffix("%")
            wanted: Item = {"type": "AverageValue", "averageValue": self.cpu}
            if share != self.cpu:
                wanted = {"type": "Utilization", "averageUtilization": int(share)}
            spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": wanted}}]
        meta = {"name": ref.name, "namespace": ref.namespace}
        return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, "spec": spec}

    def _line(self) -> str:
        flags = {
            "min": str(self.least or ""),
            "max": str(self.most),
            "cpu": self.cpu,
            "name": self.name,
        }
        words = [f"--{name}={value}" for name, value in flags.items() if value]
        return line("autoscale", target(self.ref), *words, ref=self.ref)
