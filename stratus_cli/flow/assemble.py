"""Look at the cluster once and assemble a Report: what detect, diagnose, plan and health share.

Reads only. Times come from ports.clock, so that a virtual clock gives the same report twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from stratus_cli.flow.detect import Detection, detect
from stratus_cli.flow.diagnose import diagnose, verify
from stratus_cli.flow.known_states import declared_states
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.health.measure import measure
from stratus_cli.knowledge.runbook import Runbook
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.errors import UsageError
from stratus_cli.model.finding import Finding
from stratus_cli.model.health import Health
from stratus_cli.model.plan import Candidate
from stratus_cli.model.ports import Cluster, Ports
from stratus_cli.model.report import Report, TimelineEntry, Timing
from stratus_cli.model.snapshot import Snapshot


@dataclass(frozen=True)
class Look:
    """One look at the cluster, and what was made of it."""

    snap: Snapshot
    detection: Detection
    incidents: tuple[Incident, ...]
    health: Health
    timing: Timing
    timeline: tuple[TimelineEntry, ...]
    recording: Snapshot | None = None


def look(
    ports: Ports,
    request: ScopeRequest,
    *,
    runbooks: Sequence[Runbook] = (),
    seen: Callable[[Snapshot], Snapshot] = lambda snap: snap,
) -> Look:
    """Observe, detect, diagnose. seen: what of a snapshot is looked at."""
    started, began_at = ports.clock.monotonic(), ports.clock.now()
    ports.progress.stage("Detection")
    snap = seen(observe(ports, request))
    detection = detect(snap)
    detected, detected_at = ports.clock.monotonic(), ports.clock.now()
    ports.progress.stage("Diagnosis")
    recording = known_good(ports, request)
    declared, gaps = declared_states(ports, detection)
    snap = replace(snap, gaps=(*snap.gaps, *gaps))
    incidents = diagnose(
        detection,
        recording=recording,
        declared=declared,
        diagnoser=ports.diagnoser,
        runbooks=runbooks,
    )
    health = measure(detection.graph, detection.findings)
    diagnosed_at = ports.clock.now()
    timing = Timing(detected - started, ports.clock.monotonic() - detected)
    timeline = (
        TimelineEntry(began_at, "reading the cluster"),
        TimelineEntry(detected_at, f"detected: {len(detection.findings)} findings"),
        TimelineEntry(diagnosed_at, f"diagnosed: {len(incidents)} incidents"),
    )
    return Look(snap, detection, incidents, health, timing, timeline, recording)


def known_good(ports: Ports, request: ScopeRequest) -> Snapshot | None:
    """The snapshot of --known-good, if one was given."""
    if ports.known_good is None:
        return None
    return observe(replace(ports, cluster=ports.known_good, sources=()), request)


def report(
    command: str,
    seen: Look,
    *,
    incidents: tuple[Incident, ...] | None = None,
    candidates: Mapping[str, tuple[Candidate, ...]] | None = None,
    notes: tuple[str, ...] = (),
) -> Report:
    """What a reading command hands to render. incidents: those asked for, by default all."""
    chosen = seen.incidents if incidents is None else incidents
    return Report(
        command=command,
        cluster=seen.snap.cluster,
        taken_at=seen.snap.taken_at,
        scope=seen.snap.scope,
        gaps=seen.snap.gaps,
        skips=seen.detection.skips,
        health=seen.health,
        findings=_asked(seen, chosen),
        incidents=chosen,
        candidates=dict(candidates or {}),
        timing=seen.timing,
        timeline=seen.timeline,
        notes=notes,
    )


def _asked(seen: Look, chosen: tuple[Incident, ...]) -> tuple[Finding, ...]:
    """All findings, or only those of the incidents asked for."""
    if chosen == seen.incidents:
        return seen.detection.findings
    wanted = {symptom.key for incident in chosen for symptom in incident.symptoms}
    return tuple(item for item in seen.detection.findings if item.key in wanted)


def chosen(seen: Look, incident_id: str) -> tuple[Incident, ...]:
    """The incident whose id starts so; all when nothing is asked. UsageError when none does."""
    if not incident_id:
        return seen.incidents
    found = tuple(item for item in seen.incidents if item.id.startswith(incident_id))
    if len(found) == 1:
        return found
    present = ", ".join(item.id for item in seen.incidents) or "none"
    what = "no incident has this id" if not found else "several incidents have ids that start so"
    raise UsageError(what, incident_id, f"Incidents now: {present}.")


def verified(ports: Ports, request: ScopeRequest, incidents: Sequence[Incident]) -> tuple[str, ...]:
    """Reads again, and says of each root whether its evidence still holds."""
    again = observe(ports, request)
    lines = []
    for incident in incidents:
        for root in incident.roots:
            failed = [item for item in root.evidence if not verify(item, again)]
            if not failed:
                lines.append(f"verified: {incident.title} ({root.root}) still holds")
            for item in failed:
                lines.append(f"no longer so: {item.ref} {item.field} = {item.value}")
    return tuple(lines)


def compared(ports: Ports, past: Cluster, request: ScopeRequest, seen: Look) -> tuple[str, ...]:
    """What is new, worse or fixed since a recording, as lines."""
    before = detect(observe(replace(ports, cluster=past, sources=()), request))
    old = {finding.key: finding for finding in before.findings}
    new = {finding.key: finding for finding in seen.detection.findings}
    lines = [
        f"{'worse' if key in old else 'new'}: {finding.rule} {finding.ref} {finding.message}"
        for key, finding in new.items()
        if key not in old or finding.severity > old[key].severity
    ]
    lines += [
        f"fixed: {item.rule} {item.ref} {item.message}"
        for key, item in old.items()
        if key not in new
    ]
    return tuple(lines) or ("nothing new, worse or fixed since the recording",)
