"""A caller that ends because whom it calls is down is a victim; else it has its own incident."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.model.diagnosis import Incident
from tests.cases import loader
from tests.cases.loader import snapshot_of

CASES = Path(loader.__file__).parent / "causes"
REFUSED = "dial tcp: connect to web:80: connection refused"
OWN = "panic: index out of range [3] with length 3"


def _caller() -> list[dict[str, Any]]:
    """Deployment api, which calls web and keeps ending."""
    body = yaml.safe_load((CASES / "object-changed.yaml").read_text())
    return copy.deepcopy(body["shared"][:3])


def diagnosed(line: str) -> tuple[Incident, ...]:
    """web's image does not exist; api ends with this line."""
    waiting = {"reason": "ImagePullBackOff", "message": "manifest unknown: not found"}
    status = {"name": "web", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    down = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-24T11:57:00Z"}
    pod = {"status.containerStatuses[name=web]": status, "status.conditions[type=Ready]": down}
    gone = {"status.availableReplicas": "(gone)", "status.readyReplicas": "(gone)"}
    snap = snapshot_of(
        {
            "given": ["shop-healthy.yaml"],
            "add": _caller(),
            "set": {
                "Pod/web-7d4b9c-aaaaa": pod,
                "Pod/web-7d4b9c-bbbbb": pod,
                "Deployment/web": gone,
                "EndpointSlice/web-x7k2p": {"endpoints": None},
            },
            "logs": [{"pod": "api-1-x", "container": "api", "previous": True, "lines": [line]}],
        }
    )
    return diagnose(detect(snap))


def test_a_victim_is_told_with_its_cause() -> None:
    """One incident, whose root is the image that is missing."""
    (incident,) = diagnosed(REFUSED)
    assert [root.root.short for root in incident.roots] == ["Deployment/web"]
    assert "Pod/api-1-x" in {finding.ref.short for finding in incident.symptoms}


@pytest.mark.parametrize("line", [OWN, "all is well"])
def test_a_program_with_trouble_of_its_own_is_no_victim(line: str) -> None:
    """Its logs do not speak of whom it calls."""
    symptoms = [{item.ref.short for item in incident.symptoms} for incident in diagnosed(line)]
    assert len(symptoms) == 2
    assert not any({"Pod/api-1-x", "Pod/web-7d4b9c-aaaaa"} <= names for names in symptoms)
