"""Custom resources that own workloads are read, each kind by one request; others are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.kube.custom_owners import custom_owner
from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_workload import StatefulSet
from stratus_cli.model.snapshot import GapReason
from tests.cluster.apiserver import ApiServer, serving
from tests.cluster.world import Shop, live, ports

GROUP = "/apis/db.example.com/v1"
OWNER = {
    "apiVersion": "db.example.com/v1",
    "kind": "Store",
    "name": "main",
    "uid": "u-store",
    "controller": True,
}
OWNED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "main", "namespace": "shop", "uid": "u-1", "ownerReferences": [OWNER]},
    "spec": {"selector": {"matchLabels": {"app": "main"}}, "template": {"metadata": {}}},
}
STORE = {
    "metadata": {"name": "main", "namespace": "shop", "uid": "u-store"},
    "spec": {"replicas": 3},
}


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with serving(ApiServer([*Shop().items, OWNED])) as server:
        server.texts[GROUP] = json.dumps(
            {
                "kind": "APIResourceList",
                "resources": [
                    {
                        "name": "stores",
                        "singularName": "store",
                        "kind": "Store",
                        "namespaced": True,
                        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
                    }
                ],
            }
        ).encode()
        yield server


def test_an_owner_is_read(api: ApiServer, tmp_path: Path) -> None:
    """The custom resource is in the snapshot under its own kind, whole, and owns its workload."""
    api.texts[f"{GROUP}/stores"] = json.dumps({"kind": "StoreList", "items": [STORE]}).encode()
    snap = observe(ports(live(api, tmp_path)), ScopeRequest())
    assert snap.gaps == ()
    (store,) = snap.objects["Store"]
    assert (store.KIND, store.API_VERSION) == ("Store", "db.example.com/v1")
    assert ("Store", "shop", "main") in snap.originals
    graph = Graph(snap)
    owned = snap.get(StatefulSet, "shop", "main")
    assert owned is not None
    assert custom_owner(graph, owned) is store
    assert graph.top_owner(owned) is owned, "what an operator makes is judged by itself"
    assert len([path for _, path, _ in api.requests if path.startswith(GROUP)]) == 2


def test_an_owner_that_is_not_served_is_a_gap(api: ApiServer, tmp_path: Path) -> None:
    """The kind that cannot be read is said, and all else is there."""
    snap = observe(ports(live(api, tmp_path)), ScopeRequest())
    assert [(gap.subject, gap.reason) for gap in snap.gaps] == [
        ("store.v1.db.example.com", GapReason.NOT_SERVED)
    ]
    assert snap.get(StatefulSet, "shop", "main") is not None
