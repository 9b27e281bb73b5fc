"""NOD402 under-pressure: a node runs out of memory, disk or process numbers.

Why it hurts: it takes no new pods, and kubelet begins to evict those it has.

How we tell: condition MemoryPressure, DiskPressure or PIDPressure is True, or NetworkUnavailable.

Not this when: the node is not ready at all (NOD401 says that).

First look: `kubectl describe node`, then what its largest pods use.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import condition
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("NOD402", "under-pressure", Severity.DEGRADED, needs=("Node",))

BAD = ("DiskPressure", "MemoryPressure", "NetworkUnavailable", "PIDPressure")


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per node."""
    for node in sorted(graph.snap.of(Node), key=lambda item: item.metadata.name):
        ready = condition(node.status.conditions, "Ready")
        if ready is None or ready.status != "True":
            continue
        found = [
            item
            for item in (condition(node.status.conditions, kind) for kind in BAD)
            if item is not None and item.status == "True"
        ]
        if found:
            yield META.finding(
                ref_of(node),
                "; ".join(f"{item.type}: {item.message or item.reason}" for item in found),
                evidence=tuple(
                    field_evidence(node, f"status.conditions[type={item.type}].status")
                    for item in found
                ),
            )
