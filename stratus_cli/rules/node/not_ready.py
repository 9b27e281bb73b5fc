"""NOD401 not-ready: a node does not answer, or says that it cannot run pods.

Why it hurts: its pods get no traffic, and after five minutes they are moved, if there is room.

How we tell: condition Ready is False or Unknown.

Not this when: the node joined less than a minute ago; it is only cordoned.

First look: `kubectl describe node`; Unknown means that kubelet stopped reporting.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import age_s, condition
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("NOD401", "not-ready", Severity.DEGRADED, needs=("Node",))

JOIN_ALLOWANCE_S = 60.0  # our choice: a kubelet with its network plugin is ready well within it


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per node."""
    for node in sorted(graph.snap.of(Node), key=lambda item: item.metadata.name):
        ready = condition(node.status.conditions, "Ready")
        if ready is None or ready.status == "True":
            continue
        if age_s(graph, node.metadata.creation_timestamp) <= JOIN_ALLOWANCE_S:
            continue
        path = "status.conditions[type=Ready]"
        yield META.finding(
            ref_of(node),
            f"Ready is {ready.status}: {ready.message or ready.reason}",
            evidence=(
                field_evidence(node, f"{path}.status"),
                field_evidence(node, f"{path}.reason"),
            ),
        )
