"""Incidents for the agents' tests."""

from __future__ import annotations

from typing import Any

from stratus_cli.flow.detect import Detection, detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import LogTail, Signals
from tests.cases.loader import raw_objects, snapshot, snapshot_of

WEB = "shop/Deployment/web"
EXITS = {
    "name": "web",
    "ready": False,
    "restartCount": 5,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {
        "terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-11-24T11:59:00Z"}
    },
}
NOT_FOUND = {
    "name": "web",
    "ready": False,
    "restartCount": 0,
    "state": {"waiting": {"reason": "ImagePullBackOff", "message": "app:9.9: not found"}},
}
DOWN = {"status.availableReplicas": "(gone)", "status.readyReplicas": "(gone)"}


def detection_of(
    status: dict[str, Any], *, logs: list[str] | None = None, **labels: str
) -> Detection:
    """All pods of web in this state. logs: the last lines of web-1. labels: added to web."""
    deployment: dict[str, Any] = dict(DOWN)
    if labels:
        deployment["metadata.labels"] = dict(labels)
    body: dict[str, Any] = {
        "given": ["shop-healthy.yaml"],
        "set": {
            "Deployment/web": deployment,
            "Pod/*": {
                "status.phase": "Running",
                "status.conditions[type=Ready].status": "False",
                "status.containerStatuses": [status],
            },
        },
    }
    if logs:
        pod = next(iter(snapshot_of(body).objects["Pod"])).metadata.name
        body["logs"] = [{"pod": pod, "container": "web", "previous": True, "lines": logs}]
    return detect(snapshot_of(body))


def incident_of(detection: Detection) -> Incident:
    """The one incident that is found without a model."""
    (incident,) = diagnose(detection)
    return incident


def cause(*evidence: object, **more: object) -> dict[str, object]:
    """A cause as a model says it."""
    return {
        "cause": "Too Few Replicas",
        "title": "too few replicas",
        "ref": WEB,
        "field": "spec.replicas",
        "confidence": 0.8,
        "evidence": list(evidence),
        **more,
    }


def secretive_snapshot(planted: str, redactor: Redactor) -> Detection:
    """A crashing web with a credential in environment, config and log, masked as when observed."""
    config = {"app.ini": f"password={planted}"}
    body: dict[str, Any] = {
        "given": ["shop-healthy.yaml"],
        "set": {
            "Deployment/web": {
                **DOWN,
                "spec.template.spec.containers[name=web].env": [
                    {"name": "DB_PASSWORD", "value": planted}
                ],
            },
            "ConfigMap/web-config": {"data": config},
            "Pod/*": {
                "status.conditions[type=Ready].status": "False",
                "status.containerStatuses": [EXITS],
            },
        },
    }
    line = redactor.text(f"cannot log in: postgres://shop:{planted}@db:5432")
    items = [redactor.item(item) for item in raw_objects(body)]
    pod = next(item for item in items if item["kind"] == "Pod")["metadata"]["name"]
    tail = LogTail(Ref("Pod", "shop", pod), "web", True, (line,))
    return detect(snapshot(items, signals=Signals(logs=(tail,))))
