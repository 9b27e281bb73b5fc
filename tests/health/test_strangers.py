"""Endpoints that joined a Service by mistake do not count: taking them out is no loss."""

from __future__ import annotations

from typing import Any

import yaml

from stratus_cli.flow.detect import detect
from stratus_cli.health.measure import measure
from tests.cases.loader import HERE, snapshot_of


def served(edits: dict[str, Any]) -> int | None:
    """Endpoints of Service web, beside a workload geo, after these edits."""
    shared = yaml.safe_load((HERE / "rules" / "SVC304.yaml").read_text())["shared"]
    body = {"given": ["shop-healthy.yaml"], "add": shared[:5], "set": edits}
    seen = detect(snapshot_of(body))
    units = measure(seen.graph, seen.findings).units
    return next(unit.endpoints for ref, unit in units.items() if ref.short == "Service/web")


def test_a_stranger_does_not_count() -> None:
    """Two pods of its own serve, before, while and after a third of another workload joins."""
    slice_of = {"metadata.labels": {"kubernetes.io/service-name": "web"}}
    loosened = {
        "Deployment/web": {"spec.template.metadata.labels": {"app": "web", "tier": "back"}},
        "Pod/web-7d4b9c-aaaaa": {"metadata.labels.tier": "back"},
        "Pod/web-7d4b9c-bbbbb": {"metadata.labels.tier": "back"},
        "EndpointSlice/geo-1": slice_of,
        "Service/web": {
            "spec.selector": {"tier": "back"},
            "metadata.managedFields": [
                {
                    "manager": "kubectl-edit",
                    "operation": "Update",
                    "time": "2026-11-24T11:30:00Z",
                    "fieldsV1": {"f:spec": {"f:selector": {}}},
                }
            ],
        },
    }
    assert served({}) == 2
    assert served(loosened) == 2
