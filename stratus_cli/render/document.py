"""The report as one JSON document, schema "stratus/report/v1" (report.schema.json).

Fields are added, never renamed. Every other machine format is made from this document.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stratus_cli.health.since import since
from stratus_cli.kube.by_hand import inverse_of
from stratus_cli.kube.diff import diff
from stratus_cli.model.change import Absent, Change, Json
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.finding import Evidence, Finding
from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.model.plan import Candidate, Step
from stratus_cli.model.report import Report, TransactionReport
from stratus_cli.render.recheck import kubectl_for
from stratus_cli.render.text import first_line, loose_findings

SCHEMA = "stratus/report/v1"
Document = dict[str, Any]


def document(report: Report, *, journal: str = "") -> Document:
    """The whole report."""
    timing = report.timing
    return {
        "schema": SCHEMA,
        "command": report.command,
        "answer": first_line(report),
        "cluster": {
            "uid": report.cluster.uid,
            "context": report.cluster.context,
            "server": report.cluster.server,
            "user": report.cluster.user,
            "version": report.cluster.version,
        },
        "taken_at": _time(report.taken_at),
        "scope": {
            "asked": list(report.scope.asked),
            "read": list(report.scope.read),
            "total": report.scope.total,
        },
        "journal": journal,
        "gaps": [
            {
                "subject": gap.subject,
                "reason": gap.reason.value,
                "detail": gap.detail,
                "namespace": gap.namespace,
            }
            for gap in report.gaps
        ],
        "skips": [{"rule": skip.rule, "reason": skip.reason} for skip in report.skips],
        "health": _health(report.health, report.health_before),
        "incidents": [_incident(report, incident) for incident in report.incidents],
        "findings": [_finding(finding) for finding in loose_findings(report)],
        "plans": [
            _candidate(candidate)
            for key, candidates in report.candidates.items()
            if key not in {incident.id for incident in report.incidents}
            for candidate in candidates
        ],
        "transactions": [_transaction(tx) for tx in report.transactions],
        "timing": {
            "detect_s": timing.detect_s,
            "diagnose_s": timing.diagnose_s,
            "mitigate_s": timing.mitigate_s,
            "mttr_s": timing.mttr_s,
        },
        "timeline": [{"at": _time(entry.at), "what": entry.what} for entry in report.timeline],
        "notes": list(report.notes),
    }


def outcome(report: Report, incident_id: str) -> str | None:
    """State of the last attempt, "OPEN", or None when nothing was tried."""
    attempts = [tx for tx in report.transactions if tx.incident == incident_id]
    if not attempts:
        return None
    return "OPEN" if attempts[-1].open else attempts[-1].state.value


def _incident(report: Report, incident: Incident) -> Document:
    return {
        "id": incident.id,
        "severity": incident.severity.label,
        "title": incident.title,
        "roots": [_diagnosis(root) for root in incident.roots],
        "rivals": [_diagnosis(rival) for rival in incident.rivals],
        "symptoms": [_finding(symptom) for symptom in incident.symptoms],
        "history": [
            {"at": _time(moment.at), "ref": str(moment.ref), "what": moment.what}
            for moment in incident.history
        ],
        "candidates": [_candidate(item) for item in report.candidates.get(incident.id, ())],
        "learnt": list(report.learnt.get(incident.id, ())),
        "outcome": outcome(report, incident.id),
    }


def _diagnosis(item: Diagnosis) -> Document:
    return {
        "cause": item.cause,
        "title": item.title,
        "ref": str(item.root),
        "field": item.field,
        "observed": item.observed,
        "expected": item.expected,
        "confidence": round(item.confidence, 3),
        "check": item.check,
        "facts": _json(dict(item.facts)),
        "evidence": [_evidence(evidence) for evidence in item.evidence],
        "explains": [{"rule": rule, "ref": str(ref)} for rule, ref in item.explains],
    }


def _evidence(item: Evidence) -> Document:
    return {
        "source": item.source,
        "ref": str(item.ref),
        "field": item.field,
        "value": item.value,
        "seen_at": _time(item.seen_at),
        "kubectl": kubectl_for(item),
    }


def _finding(item: Finding) -> Document:
    return {
        "rule": item.rule,
        "severity": item.severity.label,
        "confidence": item.confidence.label,
        "ref": str(item.ref),
        "message": item.message,
        "evidence": [_evidence(evidence) for evidence in item.evidence],
    }


def _candidate(item: Candidate) -> Document:
    plan, refusal = item.plan, item.refusal
    return {
        "runbook": item.runbook,
        "title": item.title,
        "kubectl": list(item.kubectl),
        "risk": plan.risk.value if plan else None,
        "blast_radius": [str(ref) for ref in plan.blast_radius] if plan else [],
        "refusal": None
        if refusal is None
        else {"check": refusal.check, "reason": refusal.reason, "lift": refusal.lift},
        "plan": None
        if plan is None
        else {
            "id": plan.id,
            "title": plan.title,
            "steps": [_step(step) for step in plan.steps],
            "targets": [str(ref) for ref in plan.targets],
            "stops": [str(ref) for ref in plan.stops],
            "success": plan.success,
            "notes": list(plan.notes),
            "sources": list(plan.sources),
            "expires_at": _time(plan.expires_at),
        },
    }


def _step(step: Step) -> Document:
    return {
        "kubectl": step.kubectl,
        "ref": str(step.change.ref),
        "operation": step.change.operation,
        "changes": _edits(step.change),
        "inverse": inverse_of(step.change),
        "confirmed": step.confirmed,
        "unconfirmed": step.unconfirmed,
    }


def _edits(change: Change) -> list[Document]:
    """Edited fields. An absent value has no key, since null is a value of its own."""
    if change.before is None or change.after is None:
        key, item = ("after", change.after) if change.before is None else ("before", change.before)
        return [{"field": "", key: _json(item)}]
    edits = []
    for edit in diff(change.before, change.after):
        entry: Document = {"field": edit.path}
        for key, item in (("before", edit.before), ("after", edit.after)):
            if not isinstance(item, Absent):
                entry[key] = _json(item)
        edits.append(entry)
    return edits


def _transaction(tx: TransactionReport) -> Document:
    return {
        "id": tx.id,
        "incident": tx.incident,
        "state": tx.state.value,
        "open": tx.open,
        "writes": tx.writes,
        "why": tx.why,
        "waited_s": round(tx.waited_s, 3),
        "plan": tx.plan.id if tx.plan else None,
        "unrestored": list(tx.unrestored),
    }


def _health(health: Health | None, before: Health | None) -> Document | None:
    if health is None:
        return None
    return {
        **({"since": _since(before, health)} if before is not None else {}),
        "score": health.score,
        "worst": str(health.worst) if health.worst else None,
        "unread": list(health.unread),
        "units": [_unit(unit) for _, unit in sorted(health.units.items())],
    }


def _since(before: Health, now: Health) -> Document:
    return {
        "taken_at": _time(before.taken_at),
        "score": before.score,
        "changes": [
            {"ref": str(item.ref), "change": item.word, "what": list(item.what)}
            for item in since(before, now)
        ],
    }


def _unit(unit: UnitHealth) -> Document:
    return {
        "ref": str(unit.ref),
        "stage": unit.stage.name.lower() if unit.stage is not None else None,
        "ready": unit.ready,
        "wanted": unit.wanted,
        "endpoints": unit.endpoints,
        "error_rate": unit.error_rate,
        "p99_s": unit.p99_s,
        "alerts": list(unit.alerts),
        "problems": list(unit.problems),
        "score": unit.score,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at is not None else None


def _json(item: Json) -> Json:
    """Plain JSON: tuples and mappings become lists and objects, times text."""
    match item:
        case Absent():
            return None
        case dict():
            return {str(key): _json(part) for key, part in item.items()}
        case list() | tuple():
            return [_json(part) for part in item]
        case None | bool() | int() | float() | str():
            return item
        case datetime():
            return _time(item)
    return _json(dict(item)) if hasattr(item, "keys") else str(item)
