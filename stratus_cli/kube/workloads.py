"""What a workload wants, what it has, and what its rollout may leave out meanwhile."""

from __future__ import annotations

import math
from collections.abc import Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import age_s, condition, is_live, is_ready, is_starting
from stratus_cli.model.objects import IntOrString
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import (
    DaemonSet,
    Deployment,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from stratus_cli.model.ref import Ref

CONTROLLER_ALLOWANCE_S = 10.0
"""For the controller to make pods after a change. Our choice: well over its usual fraction of a
second, well under what a person waits for."""


def sorted_workloads(graph: Graph) -> tuple[Workload, ...]:
    """Every workload by kind, namespace and name, those that are being deleted left out."""
    kept = (item for item in graph.workloads if item.metadata.deletion_timestamp is None)
    return tuple(
        sorted(kept, key=lambda item: (item.metadata.namespace, item.KIND, item.metadata.name))
    )


def wanted(workload: Workload) -> int:
    """How many pods it wants now. An autoscaler writes its number into spec.replicas."""
    if isinstance(workload, DaemonSet):
        return workload.status.desired_number_scheduled
    return 1 if workload.spec.replicas is None else workload.spec.replicas


def available(workload: Workload) -> int:
    """How many pods serve, by its own status."""
    if isinstance(workload, DaemonSet):
        return workload.status.number_available
    return workload.status.available_replicas


def available_path(workload: Workload) -> str:
    """Field path of `available`."""
    name = "numberAvailable" if isinstance(workload, DaemonSet) else "availableReplicas"
    return f"status.{name}"


def is_rolling(graph: Graph, workload: Workload) -> bool:
    """A rollout is under way and within its deadline."""
    status = workload.status
    if status.observed_generation < workload.metadata.generation:
        return True
    if isinstance(workload, Deployment):
        progressing = condition(status.conditions, "Progressing")
        if progressing is None or progressing.status != "True":
            return False
        done = status.updated_replicas >= wanted(workload) and status.replicas <= wanted(workload)
        return not done or status.available_replicas < status.updated_replicas
    if isinstance(workload, StatefulSet):
        return bool(status.update_revision) and status.update_revision != status.current_revision
    if isinstance(workload, DaemonSet):
        return status.updated_number_scheduled < status.desired_number_scheduled
    return False


def may_miss(graph: Graph, workload: Workload) -> int:
    """How many pods its strategy lets a rollout leave out, while one is under way."""
    if not is_rolling(graph, workload):
        return 0
    strategy = workload.spec.strategy or workload.spec.update_strategy
    number = wanted(workload)
    if strategy is None or strategy.type != "RollingUpdate":
        return 0
    rolling = strategy.rolling_update
    limit = rolling.max_unavailable if rolling else None
    if limit is None:
        # apps/v1 defaults: 25 % for Deployments, 1 for StatefulSets and DaemonSets.
        limit = "25%" if isinstance(workload, Deployment) else 1
    return _share(limit, number)


def takes_all(workload: Workload) -> bool:
    """A rolling update of two or more replicas may leave none of them."""
    strategy, number = workload.spec.strategy, wanted(workload)
    rolling = strategy.rolling_update if strategy and strategy.type == "RollingUpdate" else None
    limit = rolling.max_unavailable if rolling else None
    return limit is not None and number > 1 and _share(limit, number) >= number


def still_coming(graph: Graph, workload: Workload) -> int:
    """How many pods are on their way without anything against them."""
    count = sum(
        is_starting(graph, pod) or _settling(graph, workload, pod)
        for pod in graph.pods_of(workload)
        if is_live(pod)
    )
    if workload.status.observed_generation < workload.metadata.generation:
        return max(count, wanted(workload))
    made = condition(workload.status.conditions, "Progressing")
    changed = made.last_update_time if made and made.status == "True" else None
    changed = changed or workload.metadata.creation_timestamp
    if age_s(graph, changed) <= CONTROLLER_ALLOWANCE_S:
        live = sum(is_live(pod) for pod in graph.pods_of(workload))
        return count + max(0, wanted(workload) - live)
    return count


def short_of(graph: Graph, workload: Workload) -> int:
    """How many pods are missing beyond what a rollout or a fresh start explains; 0 when well."""
    have = available(workload)
    # A rollout's allowance is no excuse for having nothing left that serves.
    missing = wanted(workload) - have - (may_miss(graph, workload) if have else 0)
    return max(0, missing - still_coming(graph, workload)) if missing > 0 else 0


def holders(graph: Graph, workload: Workload) -> Iterator[Workload]:
    """The objects that make the pods: the present ReplicaSet of a Deployment, else itself."""
    current = graph.current_replica_set(workload) if isinstance(workload, Deployment) else workload
    if current is not None:
        yield current


def older_replica_sets(graph: Graph, workload: Workload) -> tuple[ReplicaSet, ...]:
    """A Deployment's history without the present revision, newest first."""
    return graph.replica_sets_of(workload)[1:] if isinstance(workload, Deployment) else ()


def _settling(graph: Graph, workload: Workload, pod: Pod) -> bool:
    """Ready, and waiting for minReadySeconds to count as available."""
    ready = condition(pod.status.conditions, "Ready")
    return (
        is_ready(pod)
        and ready is not None
        and age_s(graph, ready.last_transition_time) <= workload.spec.min_ready_seconds
    )


def _share(limit: IntOrString, number: int) -> int:
    if isinstance(limit, int):
        return limit
    text = limit.rstrip("%")
    return math.floor(int(text) * number / 100) if text.isdigit() else 0


def makers_of(graph: Graph, pod: Ref) -> Iterator[Workload]:
    """The workloads that a pod which is gone may have been of: pods are named OWNER-SUFFIX."""
    owner = pod.name.rpartition("-")[0]
    for kind in (ReplicaSet, StatefulSet, DaemonSet):
        maker = graph.snap.get(kind, pod.namespace, owner)
        top = graph.top_owner(maker) if maker is not None else None
        if isinstance(top, Workload):
            yield top
