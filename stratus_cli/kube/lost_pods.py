"""Pods on a node that does not answer: which of them could run elsewhere at once. Pure."""

from __future__ import annotations

import msgspec

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import condition, is_live, is_ready
from stratus_cli.kube.scheduling import Placement
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.objects_workload import Deployment, ReplicaSet


def is_lost(node: Node) -> bool:
    """kubelet has stopped reporting: what runs there nobody knows."""
    ready = condition(node.status.conditions, "Ready")
    return ready is not None and ready.status == "Unknown"


def pods_on(graph: Graph, node: Node) -> tuple[Pod, ...]:
    """The live pods of a node that are not ready, by namespace and name."""
    pods = (
        pod
        for pod in graph.snap.of(Pod)
        if pod.spec.node_name == node.metadata.name and is_live(pod) and not is_ready(pod)
    )
    return tuple(sorted(pods, key=lambda pod: (pod.metadata.namespace, pod.metadata.name)))


def is_movable(place: Placement, pod: Pod) -> bool:
    """Its controller makes another as soon as it is told to go, and another node would take that.

    Only ReplicaSets do: a StatefulSet waits until the pod is gone for certain, a DaemonSet has no
    other node. A volume that only one node may hold would stay with the lost one.
    """
    if not isinstance(place.graph.top_owner(pod), Deployment | ReplicaSet):
        return False
    if any(volume.persistent_volume_claim for volume in pod.spec.volumes):
        return False
    free = msgspec.structs.replace(
        pod,
        metadata=msgspec.structs.replace(pod.metadata, uid=f"{pod.metadata.uid} elsewhere"),
        spec=msgspec.structs.replace(pod.spec, node_name=""),
    )
    return any(
        not items for name, items in place.blockers(free).items() if name != pod.spec.node_name
    )
