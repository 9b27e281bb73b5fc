"""Diagnosis: findings to incidents, one per root cause, worst first.

Pure but for the optional diagnoser port, whose answers are re-checked and never trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stratus_cli import causes
from stratus_cli.causes.case import Case, findings_by_key
from stratus_cli.flow.detect import Detection
from stratus_cli.flow.folding import fold
from stratus_cli.flow.grouping import CONSEQUENCES, choose, complete, group
from stratus_cli.flow.history import history
from stratus_cli.knowledge.runbook import Runbook
from stratus_cli.kube.evidence import holds
from stratus_cli.kube.known_good import KnownGoodValues
from stratus_cli.kube.states import State
from stratus_cli.model.diagnosis import Diagnosis, Incident, incident_id
from stratus_cli.model.errors import StratusError
from stratus_cli.model.finding import Evidence, Finding, Severity
from stratus_cli.model.ports import Diagnoser
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot

INCIDENT = Severity.DEGRADED
"""What is only a risk stays a finding: nobody is hurt, and nothing is written for it."""

UNSURE = 0.5  # what a model says about an unexplained incident is a hypothesis, no more


def diagnose(
    detection: Detection,
    *,
    recording: Snapshot | None = None,
    declared: Sequence[State] = (),
    diagnoser: Diagnoser | None = None,
    runbooks: Sequence[Runbook] = (),
) -> tuple[Incident, ...]:
    """The incidents behind the findings, ranked worst first.

    recording, declared: known-good states, best first.
    """
    graph = detection.graph
    case = Case(graph, detection.findings, KnownGoodValues(graph, recording, declared))
    by_key = findings_by_key(detection.findings)
    found = [
        item
        for cause in causes.ALL
        for item in cause.diagnose(case)
        if any(by_key[key].severity >= INCIDENT for key in item.explains)
    ]
    roots, rivals = choose(found)
    roots, victims = fold(graph, detection.findings, roots)
    rivals.extend(victims)
    roots = complete(graph, detection.findings, roots)
    incidents = [
        _incident(detection.snap.cluster.uid, members, rivals, by_key)
        for members in group(graph, roots)
    ]
    incidents = [replace(item, history=history(graph, item)) for item in incidents]
    if diagnoser is not None:
        incidents = [_with_model(item, detection.snap, diagnoser, runbooks) for item in incidents]
    return tuple(sorted(incidents, key=_rank))


def verify(item: Evidence | Diagnosis, snap: Snapshot) -> bool:
    """Whether a fresh snapshot still says the same: one piece of evidence, or all of a root's."""
    if isinstance(item, Evidence):
        return holds(item, snap)
    return all(holds(piece, snap) for piece in item.evidence)


def _incident(
    cluster_uid: str,
    roots: tuple[Diagnosis, ...],
    rivals: Sequence[Diagnosis],
    by_key: Mapping[tuple[str, Ref], Finding],
) -> Incident:
    keys = {key for root in roots for key in root.explains}
    symptoms = sorted((by_key[key] for key in keys if key in by_key), key=_symptom_order)
    primary = {key for key in keys if key[0] not in CONSEQUENCES} or keys
    return Incident(
        id=incident_id(cluster_uid, tuple((root.cause, root.root) for root in roots)),
        severity=max((item.severity for item in symptoms), default=Severity.DEGRADED),
        title=_title(roots),
        roots=tuple(_once(root) for root in sorted(roots, key=_certainty)),
        rivals=tuple(
            sorted((rival for rival in rivals if primary & set(rival.explains)), key=_certainty)
        ),
        symptoms=tuple(symptoms),
    )


def _once(root: Diagnosis) -> Diagnosis:
    """Two places that refer to one object need not show it twice."""
    return replace(root, evidence=tuple(dict.fromkeys(root.evidence)))


def _title(roots: Iterable[Diagnosis]) -> str:
    titles = dict.fromkeys(root.title for root in sorted(roots, key=_certainty))
    return "; ".join(titles)


def _with_model(
    incident: Incident, snap: Snapshot, diagnoser: Diagnoser, runbooks: Sequence[Runbook]
) -> Incident:
    """The incident with what the model adds; whatever goes wrong there changes nothing here."""
    texts = [f"# {item.title}\n" + "\n".join(item.sections.values()) for item in runbooks]
    try:
        proposed = diagnoser.diagnose(incident, snap, texts)
    except StratusError:
        return incident  # the agent has said so itself; the deterministic result stands
    known = {(root.cause, root.root, root.field) for root in (*incident.roots, *incident.rivals)}
    new = [
        checked
        for item in proposed
        if (item.cause, item.root, item.field) not in known
        if (checked := _checked(item, snap)) is not None
    ]
    explained = any(root.cause != "unexplained" for root in incident.roots)
    if explained or not new:
        return replace(incident, rivals=(*incident.rivals, *new))
    best = replace(
        new[0],
        confidence=min(new[0].confidence, UNSURE),
        explains=tuple(key for root in incident.roots for key in root.explains),
    )
    return replace(incident, title=best.title, roots=(best,), rivals=(*incident.rivals, *new[1:]))


def _checked(item: Diagnosis, snap: Snapshot) -> Diagnosis | None:
    """With only the evidence that holds; None when none does or the root is not there."""
    evidence = tuple(piece for piece in item.evidence if holds(piece, snap))
    if not evidence or (item.field and snap.find(item.root) is None):
        return None
    return replace(item, evidence=evidence)


def _certainty(item: Diagnosis) -> tuple[float, str, str, str]:
    return (-item.confidence, str(item.root), item.field, item.cause)


def _symptom_order(finding: Finding) -> tuple[int, str, str]:
    return (-finding.severity, str(finding.ref), finding.rule)


def _rank(incident: Incident) -> tuple[int, float, str]:
    best = incident.roots[0]
    return (-incident.severity, -best.confidence, str(best.root))
