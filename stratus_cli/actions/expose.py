"""Make a Service for a workload, a pod or another Service (kubectl expose). Reversible.

Taking it back deletes the Service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, pod_spec, target
from stratus_cli.actions.manifest import creatable, created
from stratus_cli.actions.whole import whole
from stratus_cli.kube.ports import PROTOCOLS
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
EXPOSED = ("Deployment", "ReplicaSet", "Pod", "Service")
LONGEST = 63
"""Of a Service's name: it is a DNS label."""

Port = tuple[int, str]
"""(number, protocol)"""


@dataclass(frozen=True)
class Expose:
    """port: 0 for the ports of the object. selector: () for the labels that the object selects.

    target_port: a number or a port's name; "" for the Service's own port.
    """

    KIND: ClassVar[str] = "expose"
    ref: Ref
    port: int = 0
    target_port: str = ""
    name: str = ""
    type: str = ""
    protocol: str = ""
    selector: tuple[tuple[str, str], ...] = ()

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One creation."""
        if self.ref.kind not in EXPOSED:
            return Refusal(
                "kind",
                f"a {self.ref.kind} cannot be exposed",
                f"expose one of: {', '.join(EXPOSED)}",
            )
        item = whole(read, self.ref)
        if isinstance(item, Refusal):
            return item
        selector = dict(self.selector) or _selected(item, self.ref)
        if isinstance(selector, Refusal):
            return selector
        found = list(dict.fromkeys(_ports(item, self.ref.kind)))
        chosen = [(self.port, dict(found).get(self.port, "TCP"))] if self.port else found
        if not chosen:
            return Refusal("port", f"{self.ref} names no port", "add --port=NUMBER")
        ref = Ref("Service", self.ref.namespace, self.name or self.ref.name[:LONGEST], "v1")
        if read.get(ref) is not None:
            return Refusal("exists", f"{ref} is there already", "add --name=ANOTHER")
        made = creatable(ref, self._service(ref, item, chosen, selector))
        return made if isinstance(made, Refusal) else created(ref, made, self._line())

    def _service(
        self, ref: Ref, item: Item, ports: list[Port], selector: Mapping[str, Any]
    ) -> Item:
        meta: Item = {"name": ref.name, "namespace": ref.namespace}
        labels = item["metadata"].get("labels")
        if labels:
            meta["labels"] = dict(labels)
        entries: list[Item] = []
        for number, (port, protocol) in enumerate(ports, start=1):
            entry: Item = {"name": f"port-{number}"} if len(ports) > 1 else {}
            entry |= {"port": port, "protocol": self.protocol or protocol}
            aim = self.target_port or str(port)
            entry["targetPort"] = int(aim) if aim.isdecimal() else aim
            entries.append(entry)
        kind = {"type": self.type} if self.type else {}
        spec = {"ports": entries, "selector": dict(selector), **kind}
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}

    def _line(self) -> str:
        flags = {
            "port": str(self.port or ""),
            "target-port": self.target_port,
            "name": self.name,
            "type": self.type,
            "protocol": self.protocol,
            "selector": ",".join(f"{key}={value}" for key, value in self.selector),
        }
        words = [f"--{name}={value}" for name, value in flags.items() if value]
        return line("expose", target(self.ref), *words, ref=self.ref)


def _selected(item: Item, ref: Ref) -> dict[str, Any] | Refusal:
    """The labels of the pods behind the object, as a Service can select them."""
    spec = item.get("spec") or {}
    if ref.kind == "Pod":
        found = item["metadata"].get("labels")
    else:
        found = spec.get("selector")
        if ref.kind != "Service" and isinstance(found, dict):
            if found.get("matchExpressions"):
                reason = f"{ref} selects by expressions, which a Service cannot"
                return Refusal("selector", reason, "add --selector=KEY=VALUE")
            found = found.get("matchLabels")
    if not isinstance(found, dict) or not found:
        return Refusal("selector", f"{ref} has no labels to select by", "add --selector=KEY=VALUE")
    return dict(found)


def _ports(item: Item, kind: str) -> Iterator[Port]:
    if kind == "Service":
        yield from _numbers(item.get("spec"), "port")
        return
    spec = pod_spec(item, kind) or {}
    for container in spec.get("containers") or ():
        yield from _numbers(container, "containerPort")


def _numbers(owner: Any, name: str) -> Iterator[Port]:  # noqa: ANN401  # JSON from a cluster
    ports = owner.get("ports") if isinstance(owner, dict) else None
    for port in ports if isinstance(ports, list) else ():
        if isinstance(port, dict) and isinstance(port.get(name), int):
            protocol = port.get("protocol")
            yield port[name], protocol if protocol in PROTOCOLS else "TCP"
