"""What was done to a node, and whether it came after a workload had found its place. Pure."""

from __future__ import annotations

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.graph import Graph, controller_reference
from stratus_cli.kube.node_match import tolerates
from stratus_cli.kube.pods import condition, is_live
from stratus_cli.kube.scheduling import Placement
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node, Taint
from stratus_cli.model.objects_workload import DaemonSet


def changed_after(node: Node, path: str, owner: KubeObject) -> bool | None:
    """Whether the node's field was set after the owner was made; None where nothing says when."""
    change = last_change(node, path)
    made = owner.metadata.creation_timestamp
    if change is None or made is None:
        return None
    return not change.at_creation and change.at > made


def is_being_drained(place: Placement, node: Node) -> bool:
    """Somebody moves its pods away now: one of them is going because it was evicted."""
    for pod in place.placed.get(node.metadata.name, ()):
        target = condition(pod.status.conditions, "DisruptionTarget")
        if target is not None and target.reason == "EvictionByEvictionAPI" and not is_live(pod):
            return True
    return False


def surprised_pods(place: Placement, node: Node, taint: Taint) -> tuple[Pod, ...]:
    """Pods that run on the node and do not tolerate the taint: it came after they were put there.

    Pods that a node makes itself (static pods) or a DaemonSet's were never kept away by taints of
    effect NoSchedule alone, so they say nothing.
    """
    return tuple(
        pod
        for pod in sorted(
            place.placed.get(node.metadata.name, ()), key=lambda item: item.metadata.name
        )
        if not tolerates(pod.spec, taint) and not _is_bound_to_node(place.graph, pod)
    )


def _is_bound_to_node(graph: Graph, pod: Pod) -> bool:
    reference = controller_reference(pod)
    return (reference is not None and reference.kind == "Node") or isinstance(
        graph.top_owner(pod), DaemonSet
    )
