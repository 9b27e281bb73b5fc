"""Who reads a changed ConfigMap or Secret, and which of them the plan restarts so that they see it.

Reads only. A value read by env or subPath is seen by new containers only; one in a mounted volume
arrives by itself, so its readers are restarted only where the policy says `fast`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratus_cli.actions.base import pod_spec
from stratus_cli.flow.reader import PlanReader
from stratus_cli.kube.config_readers import (
    AT_START,
    CONFIGS,
    VOLUME_DELAY_S,
    Keys,
    changed_keys,
    ways_of_reading,
)
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.pods import is_live
from stratus_cli.model.change import Change
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref

TEMPLATE = "spec.template"


@dataclass(frozen=True)
class Consumers:
    """restart: workloads to restart at the end of the plan. notes: who reads, and what becomes."""

    restart: tuple[Ref, ...]
    notes: tuple[str, ...]


def consumers_of(
    changes: Sequence[Change], reader: PlanReader, graph: Graph, *, fast: bool
) -> Consumers:
    """The consumers of every ConfigMap and Secret that the changes touch, in the plan's order.

    fast: readers through a volume are restarted, too.
    """
    restart: dict[Ref, None] = {}
    notes: dict[str, None] = {}
    for config, (place, keys) in _configs(changes).items():
        try:
            readers = dict(_readers(config, keys, reader))
        except ClusterAnswer as error:
            notes[f"who reads {config} could not be read: {error.what}"] = None
            continue
        later = {change.ref for change in changes[place + 1 :] if _changes_template(change)}
        for ref, ways in readers.items():
            how = " and ".join(sorted(ways))
            at_start = bool(ways.intersection(AT_START))
            if ref in later:
                notes[f"{ref} reads {config} by {how}; this plan replaces its pods anyway"] = None
            elif not _has_started(graph, ref):
                notes[f"{ref} reads {config} by {how} when its pods start"] = None
            elif at_start or fast:
                notes[f"{ref} reads {config} by {how}: it is restarted"] = None
                restart[ref] = None
            else:
                notes[
                    f"{ref} reads {config} by volume: the new value arrives by itself within"
                    f" {VOLUME_DELAY_S} s (--fast restarts it)"
                ] = None
    return Consumers(tuple(restart), tuple(notes))


def _configs(changes: Sequence[Change]) -> dict[Ref, tuple[int, Keys]]:
    """Each ConfigMap or Secret that changes -> (place of its last change, keys that differ)."""
    found: dict[Ref, tuple[int, Keys]] = {}
    first: dict[Ref, Change] = {}
    for place, change in enumerate(changes):
        if change.ref.kind not in CONFIGS or change.after is None:
            continue  # what is deleted leaves running pods as they are
        start = first.setdefault(change.ref, change)
        keys = changed_keys(start.before, change.after)
        if keys or change.ref.kind == "Secret":
            found[change.ref] = place, keys or None
    return found


def _readers(config: Ref, keys: Keys, reader: PlanReader) -> Iterator[tuple[Ref, frozenset[str]]]:
    for kind in WORKLOADS:
        for item in reader.list(kind, config.namespace):
            spec = pod_spec(item, kind)
            ways = ways_of_reading(spec, config, keys)
            if ways:
                yield Ref(kind, config.namespace, str(item["metadata"]["name"])), ways


def _changes_template(change: Change) -> bool:
    if change.ref.kind not in WORKLOADS or change.after is None:
        return False
    before = change.before
    return before is None or value_at(before, TEMPLATE) != value_at(change.after, TEMPLATE)


def _has_started(graph: Graph, ref: Ref) -> bool:
    """Whether one of its pods may have read a value: a container of it ran, or is not known.

    Pods that wait for a missing ConfigMap or key retry by themselves. One that crashes reads the
    new value at its next start, but its back-off may take 300 s: a restart is shorter.
    """
    workload = graph.snap.find(ref)
    if not isinstance(workload, Workload):
        return True
    return any(_ran(pod) for pod in graph.pods_of(workload) if is_live(pod))


def _ran(pod: Pod) -> bool:
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return any(
        status.restart_count or state.running is not None or state.terminated is not None
        for status in statuses
        for state in (status.state, status.last_state)
    )
