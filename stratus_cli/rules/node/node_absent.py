"""NOD403 node-absent: a pod is bound to a node that does not exist.

Why it hurts: no kubelet starts it. The garbage collector deletes it after a while, its controller
makes another for the same node, and so on: nothing about the pods says that they cannot run.

How we tell: spec.nodeName is the name of no node, and the pod is Pending for longer than ten
seconds.

Not this when: the pod ran already (its node was removed, and it is replaced soon); the nodes were
not read.

First look: `kubectl get pod -o yaml`, spec.nodeName, beside `kubectl get nodes`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import STATUS_LAG_S, age_s, live_pods
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("NOD403", "node-absent", Severity.DEGRADED, needs=("Pod", "Node"))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    names = {node.metadata.name for node in graph.snap.of(Node)}
    for pod in live_pods(graph):
        name = pod.spec.node_name
        if not name or name in names or pod.status.phase != "Pending":
            continue
        if age_s(graph, pod.metadata.creation_timestamp) <= STATUS_LAG_S:
            continue
        yield META.finding(
            ref_of(pod),
            f"it is bound to {name}, and there is no such node",
            evidence=(
                field_evidence(pod, "spec.nodeName"),
                absent_evidence(Ref("Node", "", name, "v1")),
            ),
        )
