"""When workloads and deleted pods have converged. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_live, is_on_lost_node
from stratus_cli.kube.workloads import available, makers_of, wanted
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import (
    DaemonSet,
    Deployment,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of


def workload(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """Seen by its controller, updated, available, and without pods of before."""
    item = graph.snap.find(ref)
    if not isinstance(item, Workload):
        return  # deleted by the change, or not read: the verdict says so
    name, status, number = f"{ref.kind} {ref.name}", item.status, wanted(item)
    if status.observed_generation < max(generation, item.metadata.generation):
        yield f"{name}: its controller has not seen the change yet"
        return
    if isinstance(item, Deployment) and item.spec.paused:
        return
    updating = _updating(item)
    updated = _updated(item)
    if updated < updating:
        yield f"{name}: {updated} of {updating} pods are updated"
    if available(item) < number:
        yield f"{name}: {available(item)} of {number} pods are available"
    new = graph.new_pods_of(item)
    old = [pod for pod in graph.pods_of(item) if is_live(pod) and pod not in new]
    left = len(old) - (number - updating)
    if left > 0:
        yield f"{name}: {_some(left, 'old pod')} still there"
    extra = status.replicas - number
    if not isinstance(item, DaemonSet) and extra > 0 and left <= 0:
        yield f"{name}: {_some(extra, 'pod')} too many"


def pod(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """A deleted pod is gone, and the one that takes its place is ready.

    On a node that does not answer it lingers until the node is back: only the other is waited for.
    """
    item = graph.snap.find(ref)
    if isinstance(item, Pod) and item.metadata.deletion_timestamp is not None:
        if not is_on_lost_node(graph, item):
            yield f"Pod {ref.name}: it is still terminating"
            return
    for maker in makers_of(graph, ref):
        yield from has_all(maker, ill)


def has_all(item: Workload, ill: Collection[Ref]) -> Iterator[str]:
    """What it is short of, unless it was so before."""
    number, have = wanted(item), available(item)
    if have < number and ref_of(item) not in ill:
        yield f"{item.KIND} {item.metadata.name}: {have} of {number} pods are available"


def _updating(item: Workload) -> int:
    """How many pods its strategy replaces by itself (apps/v1: OnDelete, partition)."""
    number, strategy = wanted(item), item.spec.update_strategy
    if strategy is None or isinstance(item, Deployment | ReplicaSet):
        return number
    if strategy.type == "OnDelete":
        return 0
    partition = strategy.rolling_update.partition if strategy.rolling_update else 0
    return max(0, number - partition) if isinstance(item, StatefulSet) else number


def _updated(item: Workload) -> int:
    if isinstance(item, DaemonSet):
        return item.status.updated_number_scheduled
    if isinstance(item, ReplicaSet):
        return item.status.replicas
    if isinstance(item, StatefulSet) and not item.status.update_revision:
        return item.status.replicas
    return item.status.updated_replicas


def _some(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
