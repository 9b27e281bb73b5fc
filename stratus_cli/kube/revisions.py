"""Which former templates of a workload may be believed. Pure.

Nothing keeps whether a revision ever worked. What tells: somebody went back from it (the controller
takes the older ReplicaSet or ControllerRevision again and gives it a new number), it has ready
pods, it was the last whose rollout ended, or it was left in place for long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from stratus_cli.kube.controller_revisions import controller_revisions, past_revisions
from stratus_cli.kube.graph import Graph, revision_of
from stratus_cli.kube.workloads import older_replica_sets
from stratus_cli.model.objects_workload import Deployment, ReplicaSet, Workload

LONG = timedelta(minutes=10)
"""A revision that was replaced sooner need never have had ready pods: a Deployment waits this long
for them before it gives up (progressDeadlineSeconds)."""


def believable_revisions(graph: Graph, workload: Workload) -> tuple[ReplicaSet, ...]:
    """Former revisions, newest first: none that somebody went back from.

    Those that nothing shows to have served are left out where one of the others did.
    """
    history = _history(graph, workload)
    given_up = _given_up(history)
    kept = [item for item in history if item.metadata.name not in given_up]
    names = {item.metadata.name for item in (*_left_in_place(kept), *_with_ready_pods(kept))}
    names.add(workload.status.current_revision)
    former = (*older_replica_sets(graph, workload), *past_revisions(graph, workload))
    former = tuple(item for item in former if item.metadata.name not in given_up)
    return tuple(item for item in former if item.metadata.name in names) or former


def given_up_revisions(graph: Graph, workload: Workload) -> tuple[ReplicaSet, ...]:
    """Those that somebody tried and went back from."""
    history = _history(graph, workload)
    given_up = _given_up(history)
    return tuple(item for item in history if item.metadata.name in given_up)


def _history(graph: Graph, workload: Workload) -> tuple[ReplicaSet, ...]:
    """All revisions, newest first, the present one among them."""
    if isinstance(workload, Deployment):
        return graph.replica_sets_of(workload)
    return controller_revisions(graph, workload)


def _given_up(history: Sequence[ReplicaSet]) -> frozenset[str]:
    """Names of those that have an older object with a higher number: it was taken again."""
    return frozenset(
        item.metadata.name
        for item in history
        if any(
            revision_of(later) > revision_of(item) and _between(later, item) > timedelta()
            for later in history
        )
    )


def _left_in_place(history: Sequence[ReplicaSet]) -> Iterator[ReplicaSet]:
    """Those whose successor was made long after them."""
    return (old for new, old in pairwise(history) if _between(old, new) >= LONG)


def _with_ready_pods(history: Sequence[ReplicaSet]) -> Iterator[ReplicaSet]:
    return (item for item in history if item.status.ready_replicas > 0)


def _between(one: ReplicaSet, two: ReplicaSet) -> timedelta:
    """From the making of the one to that of the other; nothing where a time is not known."""
    start, end = one.metadata.creation_timestamp, two.metadata.creation_timestamp
    return end - start if start is not None and end is not None else timedelta()
