"""What changed when, and since when something is wrong. A cause needs to precede its symptom.

Times are those of the API server and of kubelets, cut to seconds; clocks of nodes may be apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import condition
from stratus_cli.kube.whole import read_whole
from stratus_cli.model.objects import Event, KubeObject
from stratus_cli.model.objects_history import ControllerRevision
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Deployment, Workload

SOON_S = 600.0
"""A change whose symptom shows within this is taken for its likely cause. Our choice: a Deployment
gives up on a rollout after ten minutes, too (progressDeadlineSeconds)."""
LATER_S = 3600.0
"""Events are kept this long (kube-apiserver --event-ttl): beyond it nothing ties the two."""
PASSING = frozenset({"Unhealthy", "FailedScheduling", "NodeNotReady", "Evicted"})
"""Warnings that a pod may have had at its start and got over; its conditions say whether it did."""
CLOCKS_S = 5.0
"""How far two clocks, and times cut to seconds, may be apart."""


def first_seen(event: Event) -> datetime | None:
    """When it happened first."""
    times = (event.first_timestamp, event.event_time, event.metadata.creation_timestamp)
    return min((time for time in times if time is not None), default=None)


def began(graph: Graph, pods: Iterable[Pod]) -> datetime | None:
    """Since when these pods are not well, as far as anything says; None when nothing does."""
    return min((time for pod in pods for time in _signs(graph, pod)), default=None)


def _signs(graph: Graph, pod: Pod) -> Iterator[datetime]:
    for event in graph.events_of(pod):
        time = first_seen(event)
        if event.type == "Warning" and event.reason not in PASSING and time is not None:
            yield time
    for kind in ("Ready", "PodScheduled"):
        state = condition(pod.status.conditions, kind)
        if state is not None and state.status == "False" and state.last_transition_time:
            yield state.last_transition_time
    if not pod.status.conditions and pod.metadata.creation_timestamp is not None:
        yield pod.metadata.creation_timestamp


def template_changed_at(graph: Graph, workload: Workload) -> datetime | None:
    """When the present template came to be: its ReplicaSet, else what managedFields remember."""
    if isinstance(workload, Deployment):
        current = graph.current_replica_set(workload)
        if current is not None and current.metadata.creation_timestamp is not None:
            return current.metadata.creation_timestamp
    else:
        revisions = [
            item
            for item in graph.owned_by(workload)
            if isinstance(item, ControllerRevision)
            and item.metadata.name == workload.status.update_revision
        ]
        if revisions and revisions[0].metadata.creation_timestamp is not None:
            return revisions[0].metadata.creation_timestamp
    return newest(last_change_at(workload, "spec.template"), workload.metadata.creation_timestamp)


def template_field_at(graph: Graph, workload: Workload, path: str) -> datetime | None:
    """Since when a field of the template is as it is now: revisions before may have had it, too."""
    present = read_whole(graph.snap, workload, path)
    since = template_changed_at(graph, workload)
    history = graph.replica_sets_of(workload) if isinstance(workload, Deployment) else ()
    for replica_set in history[1:]:
        if read_whole(graph.snap, replica_set, path) != present:
            break
        since = replica_set.metadata.creation_timestamp or since
    return since


def changed_at(item: KubeObject, path: str) -> datetime | None:
    """When the field, or what is below it, was last set; its making where nothing says."""
    return newest(last_change_at(item, path), item.metadata.creation_timestamp)


def last_change_at(item: KubeObject, path: str) -> datetime | None:
    """By managedFields alone."""
    change = last_change(item, path)
    return change.at if change is not None else None


def newest(*times: datetime | None) -> datetime | None:
    """The last of those that are known."""
    return max((time for time in times if time is not None), default=None)


def precedes(cause: datetime | None, symptom: datetime | None) -> float | None:
    """Seconds from the cause to the symptom; None when either is not known. Negative: it cannot."""
    if cause is None or symptom is None:
        return None
    lag = (symptom - cause).total_seconds()
    return max(lag, 0.0) if lag >= -CLOCKS_S else lag
