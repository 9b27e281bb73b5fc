"""A node does not answer, or says that it cannot run pods.

How we know: its Ready condition is not True. What its pods show follows from that, and so does what
is unschedulable for want of this node alone.

Known good: a node is ready. What ails it (kubelet, runtime, network, the machine) is outside the
cluster's objects, so nothing is written for it; its pods that others could run are a cause of
their own (pod-on-lost-node).
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.lost_pods import is_movable, pods_on
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("node-not-ready", "a node does not answer or cannot run pods")
FIELD = "status.conditions[type=Ready].status"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per node that is not ready."""
    place = case.placement
    for finding in case.of_rule("NOD401"):
        node = case.graph.snap.find(finding.ref)
        if not isinstance(node, Node):
            continue
        keys = [finding.key, *_stuck(case, place, node), *_waiting(case, place, node)]
        pods = pods_on(case.graph, node)
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=ref_of(node),
            field=FIELD,
            observed=next(item.status for item in node.status.conditions if item.type == "Ready"),
            expected="True",
            confidence=0.97,
            facts={"node": node.metadata.name, "pods": len(pods)},
            evidence=(
                *finding.evidence,
                *(field_evidence(pod, "spec.nodeName") for pod in pods[:SHOWN_PODS]),
            ),
            explains=case.present(keys),
            check=f"kubectl describe node {node.metadata.name}; then kubelet's log on the machine",
        )


def _stuck(case: Case, place: Placement, node: Node) -> Iterator[tuple[str, Ref]]:
    """What pods show that stay with the node: nobody else runs them meanwhile."""
    refs = {ref_of(pod): pod for pod in pods_on(case.graph, node) if not is_movable(place, pod)}
    yield from (item.key for item in case.findings if item.ref in refs)
    for pod in refs.values():
        yield from case.consequences(case.graph.top_owner(pod))


def _waiting(case: Case, place: Placement, node: Node) -> Iterator[tuple[str, Ref]]:
    """Pods that only this node would take, were it ready."""
    for faulty in case.faulty("POD105"):
        pods = [
            pod
            for pod in faulty.pods
            if node in place.freed(pod, lambda _, item: item.why is Why.CONDITION)
        ]
        if pods:
            yield from case.explains(faulty, pods)
