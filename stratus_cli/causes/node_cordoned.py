"""A cordoned node is what pods that cannot be scheduled would need.

How we know: pods are unschedulable, the scheduler says that nodes are unschedulable, and by its own
filters on what was read this node would take such a pod if it were not cordoned.

Known good: a node takes pods. It is given back unless somebody is draining it now; a cordon that is
older than the workload was no change that could have hurt it, so then it is less likely the cause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.node_changes import changed_after, is_being_drained
from stratus_cli.kube.pod_needs import scheduler_says
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("node-cordoned", "a node that is needed is cordoned")
FIELD = "spec.unschedulable"

Kept = list[tuple[Faulty, tuple[Pod, ...]]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per cordoned node that would take a pending pod."""
    if not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    kept: dict[str, Kept] = defaultdict(list)
    for faulty in case.faulty("POD105"):
        pods: dict[str, list[Pod]] = defaultdict(list)
        for pod in faulty.pods:
            if "unschedulable" not in scheduler_says(pod):
                continue
            for node in place.freed(pod, lambda _, item: item.why is Why.CORDON):
                pods[node.metadata.name].append(pod)
        for name, found in pods.items():
            kept[name].append((faulty, tuple(found)))
    for node in place.nodes:
        if node.metadata.name in kept:
            yield _diagnosis(case, place, node, kept[node.metadata.name])


def _diagnosis(case: Case, place: Placement, node: Node, kept: Kept) -> Diagnosis:
    late = [changed_after(node, FIELD, faulty.owner) for faulty, _ in kept]
    facts = case.changed(node, FIELD)
    drained = is_being_drained(place, node)
    if not drained:
        facts |= {"node": node.metadata.name, "source": "nobody is draining the node now"}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(node),
        field=FIELD,
        observed="true, and it is being drained now" if drained else "true",
        expected=None if drained else "false",
        confidence=0.6 if False in late else 0.92 if True in late else 0.88,
        facts=facts,
        evidence=(
            *case.field_evidence(node, FIELD),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for _, pods in kept
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=tuple(key for faulty, pods in kept for key in case.explains(faulty, pods)),
        check=f"kubectl describe node {node.metadata.name}: who cordoned it, and is it repaired?",
    )
