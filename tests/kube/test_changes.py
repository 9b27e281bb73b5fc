"""Who changed which field when, from managedFields as the API server writes them."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.kube.changes import last_change
from stratus_cli.model.objects_network import Service
from tests.cases.loader import snapshot

MADE = "2026-11-24T09:00:00Z"
LATER = "2026-11-24T11:00:00Z"
PORTS: dict[str, Any] = {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:targetPort": {}}}}


def service(*entries: tuple[str, str, Any]) -> Service:
    """A Service with these (manager, time, fields)."""
    fields = [
        {"manager": manager, "operation": "Update", "time": time, "fieldsV1": owned}
        for manager, time, owned in entries
    ]
    meta = {"name": "web", "creationTimestamp": MADE, "managedFields": fields}
    return snapshot([{"kind": "Service", "metadata": meta}]).of(Service)[0]


def test_newest_owner_counts() -> None:
    """Of two managers that own the field, the later one changed it last."""
    item = service(
        ("kubectl-create", MADE, {"f:spec": {"f:selector": {}}}),
        ("kubectl-patch", LATER, {"f:spec": {"f:selector": {}}}),
    )
    change = last_change(item, "spec.selector")
    assert change is not None
    assert (change.manager, change.at_creation) == ("kubectl-patch", False)
    assert str(change) == "set by kubectl-patch at 2026-11-24 11:00:00Z"


def test_other_fields_do_not_count() -> None:
    """A manager that owns something else has not changed this."""
    item = service(("kubectl-patch", LATER, {"f:spec": PORTS}))
    assert last_change(item, "spec.selector") is None
    assert last_change(item, "spec.ports[port=80,protocol=TCP].targetPort") is not None
    assert last_change(item, "spec.ports[port=81,protocol=TCP].targetPort") is None


def test_atomic_field_is_owned_as_a_whole() -> None:
    """A key of a selector belongs to whoever owns the selector."""
    item = service(("kubectl-create", MADE, {"f:spec": {"f:selector": {}}}))
    change = last_change(item, 'spec.selector["app"]')
    assert change is not None
    assert change.at_creation
    assert str(change) == "set by kubectl-create at creation"


@pytest.mark.parametrize("owned", [None, 3, [], {"f:spec": None}, {"f:spec": {"k:{": {}}}])
def test_strange_fields_are_no_owner(owned: object) -> None:
    """Nothing breaks on what no API server writes."""
    item = service(("x", LATER, owned))
    assert last_change(item, "spec.ports[port=80,protocol=TCP].targetPort") is None
