"""A node was tainted, and pods that are needed do not tolerate it.

How we know: pods are unschedulable, and by the scheduler's filters on what was read this node would
take such a pod without its taints. The taint came after the workload had its place: managed fields
say so, or pods that do not tolerate it run on the node, or it evicted pods.

Known good: the node without the taint. Not where the workload once tolerated it (then the workload
has lost its toleration), nor where the taint is as old as the node: such a node was never meant
for these pods.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.node_changes import changed_after, surprised_pods
from stratus_cli.kube.pod_needs import scheduler_says, untolerated
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.kube.tolerations import once_tolerated, removals, taint_text
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("node-tainted", "a node was tainted, and pods that need it do not tolerate that")
FIELD = "spec.taints"

Kept = list[tuple[Faulty, tuple[Pod, ...]]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per node whose late taints keep pending pods away."""
    if not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    kept: dict[str, Kept] = defaultdict(list)
    for faulty in case.faulty("POD105"):
        for name, pods in _kept_away(place, faulty).items():
            kept[name].append((faulty, tuple(pods)))
    for node in place.nodes:
        known = [
            (faulty, pods)
            for faulty, pods in kept.get(node.metadata.name, [])
            if not _was_tolerated(case, faulty, pods, node)
        ]
        if known:
            found = _diagnosis(case, place, node, known)
            if found is not None:
                yield found


def _kept_away(place: Placement, faulty: Faulty) -> dict[str, list[Pod]]:
    pods: dict[str, list[Pod]] = defaultdict(list)
    for pod in faulty.pods:
        if "taint" in scheduler_says(pod):
            for node in place.freed(pod, lambda _, item: item.why is Why.TAINT):
                pods[node.metadata.name].append(pod)
    return pods


def _was_tolerated(case: Case, faulty: Faulty, pods: tuple[Pod, ...], node: Node) -> bool:
    taints = untolerated(pods[0], node)
    path = f"{faulty.prefix}tolerations"
    return once_tolerated(case.known_good, faulty.workload, path, taints) is not None


def _diagnosis(case: Case, place: Placement, node: Node, kept: Kept) -> Diagnosis | None:
    taints = list(dict.fromkeys(item for _, pods in kept for item in untolerated(pods[0], node)))
    late = [changed_after(node, FIELD, faulty.owner) for faulty, _ in kept]
    surprised = [pod for taint in taints for pod in surprised_pods(place, node, taint)]
    evicted = any(_was_evicted(case, faulty) for faulty, _ in kept)
    if True not in late and not surprised and not evicted:
        return None
    gone = removals(node, (taint.key for taint in taints))
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(node),
        field=FIELD,
        observed=", ".join(taint_text(taint) for taint in taints),
        expected="without it",
        confidence=0.94 if True in late else 0.9,
        facts={
            "node": node.metadata.name,
            "taints": gone,
            "source": "the taint came after the pods that do not tolerate it",
            **case.changed(node, FIELD),
        },
        evidence=(
            *case.field_evidence(node, FIELD),
            *_pods_evidence(kept),
            *(field_evidence(pod, "spec.nodeName") for pod in surprised[:SHOWN_PODS]),
        ),
        explains=tuple(key for faulty, pods in kept for key in case.explains(faulty, pods)),
        check=f"kubectl describe node {node.metadata.name}: is it tainted on purpose, for whom?",
    )


def _pods_evidence(kept: Kept) -> Iterator[Evidence]:
    for _, pods in kept:
        for pod in pods[:SHOWN_PODS]:
            yield field_evidence(pod, "status.conditions[type=PodScheduled].message")


def _was_evicted(case: Case, faulty: Faulty) -> bool:
    """The taint manager has thrown a pod of this owner out, by the name that its pods have."""
    return any(
        event.reason == "TaintManagerEviction"
        and event.involved_object.namespace == faulty.ref.namespace
        and event.involved_object.name.startswith(f"{faulty.ref.name}-")
        for event in case.graph.snap.events
    )
