"""Evidence: made so that it can be read again, and reading it again."""

from __future__ import annotations

import re

from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.log_lines import template
from stratus_cli.kube.whole import read_whole
from stratus_cli.model.change import ABSENT
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects import Event, KubeObject
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, Snapshot, ref_of

_VARYING = re.compile(r"\d+(\.\d+)?(ms|[smh])?|[0-9a-f]{8}-[0-9a-f-]{27}")
"""Counts, times and uids in event messages move from one event to the next."""


def field_evidence(item: KubeObject, path: str) -> Evidence:
    """The value of a field, as it is now."""
    return Evidence("object", ref_of(item), path, as_text(read(item, path)))


def absent_evidence(ref: Ref) -> Evidence:
    """That an object is not there."""
    return Evidence("object", ref, "", as_text(ABSENT))


def event_evidence(item: KubeObject, event: Event) -> Evidence:
    """An event about this object."""
    return Evidence("event", ref_of(item), event.reason, event.message.strip(), event.last_seen)


def log_evidence(pod: Ref, container: str, *, previous: bool, line: str) -> Evidence:
    """One line of a container's log."""
    return Evidence("log", pod, container + (" previous" if previous else ""), line)


def metric_evidence(unit: Ref, name: str, value: str) -> Evidence:
    """A figure that telemetry gave. It moves; what holds is that the unit has it."""
    return Evidence("metric", unit, name, value)


def alert_evidence(unit: Ref, alert: Alert) -> Evidence:
    """That an alert fires."""
    return Evidence("alert", unit, alert.name, alert.summary or "firing", alert.starts_at)


def holds(evidence: Evidence, snap: Snapshot) -> bool:
    """Whether this snapshot still says the same. What it cannot say no longer holds."""
    match evidence.source:
        case "object":
            return _field_holds(evidence, snap)
        case "event":
            return any(
                event.reason == evidence.field and _alike(event.message, evidence.value)
                for event in snap.events
                if _is_about(event, evidence.ref)
            )
        case "log":
            container = evidence.field.partition(" ")[0]
            said = template(evidence.value)  # a program says the same again, at another time
            return any(
                said in map(template, tail.lines)
                for tail in snap.signals.logs
                if tail.pod == evidence.ref and tail.container == container
            )
        case "certificate":
            return any(
                item.ref == evidence.ref and str(item.not_after) == evidence.value
                for item in snap.signals.certificates
            )
        case "alert":
            return any(alert.name == evidence.field for alert in snap.signals.alerts)
        case "metric":
            return any(traffic.ref == evidence.ref for traffic in snap.signals.traffic)
    return False


def _field_holds(evidence: Evidence, snap: Snapshot) -> bool:
    item = snap.find(evidence.ref)
    if item is None:
        absent = not evidence.field and evidence.value == as_text(ABSENT)
        return absent and snap.was_read(evidence.ref.kind)
    if not evidence.field:
        return evidence.value != as_text(ABSENT)
    try:
        value = as_text(read_whole(snap, item, evidence.field))
    except ValueError:  # a path that an agent made up
        return False
    if evidence.field.endswith(".message"):
        return _alike(value, evidence.value)
    return value == evidence.value


def _is_about(event: Event, ref: Ref) -> bool:
    about = event.involved_object
    if ref.uid and about.uid:
        return ref.uid == about.uid
    return (about.kind, about.namespace, about.name) == (ref.kind, ref.namespace, ref.name)


def _alike(seen: str, recorded: str) -> bool:
    """Equal but for counts and times ("back-off 20s", "back-off 40s")."""
    return _VARYING.sub("#", seen.strip()) == _VARYING.sub("#", recorded.strip())
