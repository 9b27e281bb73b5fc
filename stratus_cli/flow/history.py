"""What happened around an incident, oldest first: who changed what, and when its symptoms began.

Pure. Only what the API server remembers: events are kept an hour, managedFields one time for each
manager, a rollout its revisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from stratus_cli.flow.folding import unit_of
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.graph import Graph, revision_of
from stratus_cli.kube.lately import edited_at
from stratus_cli.kube.pods import condition
from stratus_cli.kube.timeline import first_seen
from stratus_cli.model.diagnosis import Diagnosis, Incident, Moment
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Deployment
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

MOST = 8  # moments shown for an incident: more is a log, which the events are
TEMPLATE = "spec.template."


def history(graph: Graph, incident: Incident) -> tuple[Moment, ...]:
    """The changes of its roots, and the first sign of each kind of symptom."""
    roots = [root for root in incident.roots if root.cause != "unexplained"]
    changes = sorted(
        dict.fromkeys(moment for root in roots for moment in _changes(graph, root)), key=_time
    )
    signs = _first_of_each(
        moment for symptom in incident.symptoms for moment in _signs(graph, symptom.ref)
    )
    room = max(MOST - len(changes), 1)
    # A change stands before a sign of the same second.
    return tuple(sorted((*changes[-MOST:], *signs[:room]), key=_time))


def _time(moment: Moment) -> datetime:
    return moment.at


def _changes(graph: Graph, root: Diagnosis) -> Iterator[Moment]:
    item = graph.snap.find(root.root)
    if item is None:
        return
    current = (
        graph.current_replica_set(item)
        if isinstance(item, Deployment) and root.field.startswith(TEMPLATE)
        else None
    )
    path = root.field.partition("#")[0]
    change = last_change(item, path) if path else None
    if change is not None and not change.at_creation:
        yield Moment(change.at, root.root, f"{path} set by {change.manager or 'somebody'}")
    if current is not None and current.metadata.creation_timestamp is not None:
        what = f"rollout of revision {revision_of(current)} began"
        yield Moment(current.metadata.creation_timestamp, root.root, what)
    if change is not None and not change.at_creation:
        return
    created = item.metadata.creation_timestamp
    if change is not None and created is not None:
        yield Moment(created, root.root, f"created with this {path}")
        return
    edited = edited_at(item)
    if edited is not None and current is None:
        yield Moment(edited, root.root, "edited last")


def _signs(graph: Graph, ref: Ref) -> Iterator[Moment]:
    """Warnings about the object of a symptom, and since when it is not ready."""
    item = graph.snap.find(ref)
    if item is None:
        return
    unit = unit_of(graph, ref)
    for event in graph.events_of(item):
        at = first_seen(event)
        if event.type == "Warning" and at is not None:
            yield Moment(at, unit, f"first {event.reason}")
    yield from _unready(item, unit)


def _unready(item: KubeObject, unit: Ref) -> Iterator[Moment]:
    if not isinstance(item, Pod):
        return
    ready = condition(item.status.conditions, "Ready")
    if ready is not None and ready.status == "False" and ready.last_transition_time is not None:
        what = "first pod not ready" if unit != ref_of(item) else "not ready"
        yield Moment(ready.last_transition_time, unit, what)


def _first_of_each(moments: Iterable[Moment]) -> list[Moment]:
    """The earliest of each object and kind, oldest first."""
    first: dict[tuple[Ref, str], Moment] = {}
    for moment in sorted(moments):
        first.setdefault((moment.ref, moment.what), moment)
    return sorted(first.values())
