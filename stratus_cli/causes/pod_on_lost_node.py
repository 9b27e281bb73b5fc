"""A pod is bound to a node whose kubelet has stopped, and another node would run it.

How we know: the node's Ready condition is Unknown, the pod on it is not ready, its ReplicaSet would
make another at once, and by the scheduler's filters on what was read another node would take that.

Known good: enough pods on nodes that answer. Kubernetes moves them by itself after five minutes
(tolerationSeconds of not-ready and unreachable); to delete the pod now only does it sooner. The
node is a cause of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.lost_pods import is_lost, is_movable, pods_on
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects import Node, Pod
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("pod-on-lost-node", "a pod is on a node that does not answer")
FIELD = "spec.nodeName"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per pod that could run elsewhere."""
    place = case.placement
    for finding in case.of_rule("NOD401"):
        node = case.graph.snap.find(finding.ref)
        if not isinstance(node, Node) or not is_lost(node):
            continue
        for pod in pods_on(case.graph, node):
            found = _diagnosis(case, node, pod) if is_movable(place, pod) else None
            if found is not None and found.explains:
                yield found


def _diagnosis(case: Case, node: Node, pod: Pod) -> Diagnosis:
    ref = ref_of(pod)
    keys = [item.key for item in case.findings if item.ref == ref]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=FIELD,
        observed=node.metadata.name,
        expected="a node that answers",
        confidence=0.95,
        facts={
            "namespace": ref.namespace,
            "pod": ref.name,
            "source": "its ReplicaSet makes another, and another node has room",
        },
        evidence=(
            field_evidence(pod, FIELD),
            field_evidence(pod, "status.conditions[type=Ready].status"),
            field_evidence(node, "status.conditions[type=Ready].status"),
        ),
        explains=case.present((*keys, *case.consequences(case.graph.top_owner(pod)))),
        check=f"kubectl get node {node.metadata.name}: is it coming back just now?",
    )
