"""Pods are bound to a node whose kubelet has stopped, and another node would run them.

How we know: the node's Ready condition is Unknown, the pods on it are not ready, their ReplicaSets
would make others at once, and by the scheduler's filters on what was read another node would take
such a pod.

Known good: enough pods on nodes that answer. Kubernetes moves them by itself after five minutes
(tolerationSeconds of not-ready and unreachable); to delete the pods now only does it sooner. That
the node does not answer is a cause of its own (node-not-ready), which this does not cure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.lost_pods import is_lost, is_movable, pods_on
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("pod-on-lost-node", "pods are on a node that does not answer")
FIELD = "status.conditions[type=Ready].status"
MOST_PODS = 15
"""Of one namespace: one transaction writes 20 times at most, and Kubernetes moves the rest."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per node and namespace with pods that could run elsewhere and are missed."""
    for finding in case.of_rule("NOD401"):
        node = case.graph.snap.find(finding.ref)
        if not isinstance(node, Node) or not is_lost(node):
            continue
        movable: dict[str, list[Pod]] = defaultdict(list)
        for pod in pods_on(case.graph, node):
            if is_movable(case.placement, pod) and case.explains_pod(pod):
                movable[pod.metadata.namespace].append(pod)
        for namespace in sorted(movable):
            yield _diagnosis(case, node, namespace, movable[namespace][:MOST_PODS])


def _diagnosis(case: Case, node: Node, namespace: str, pods: list[Pod]) -> Diagnosis:
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(node),
        field=FIELD,
        observed="Unknown",
        expected="True",
        confidence=0.95,
        facts={
            "namespace": namespace,
            "pods": [f"pod/{pod.metadata.name}" for pod in pods],
            "source": "their ReplicaSets make others, and another node has room",
        },
        evidence=(
            field_evidence(node, FIELD),
            *(
                field_evidence(pod, path)
                for pod in pods[:SHOWN_PODS]
                for path in ("spec.nodeName", "status.conditions[type=Ready].status")
            ),
        ),
        explains=tuple(dict.fromkeys(key for pod in pods for key in case.explains_pod(pod))),
        check=f"kubectl get node {node.metadata.name}: is it coming back just now?",
    )
