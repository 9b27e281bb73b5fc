"""Custom resources that own workloads are read, each kind by one request; others are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cluster.recorded import RecordedCluster
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.flow.record import record
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


OPERATOR = "web-7d4b9c-aaaaa"
SAYS = (
    '2026-11-24T11:59:5{0}.000000000Z StatefulSet.apps "main" is invalid:'
    ' spec.template.spec.tolerations[0].effect: Unsupported value: "FOR_FUN"'
)


def rights(*resources: str, account: str = "default") -> list[dict[str, Any]]:
    """A Role of these resources, bound to a ServiceAccount of the namespace shop."""
    rbac = "rbac.authorization.k8s.io"
    meta = {"name": "operator", "namespace": "shop", "uid": "u-role"}
    rule = {"apiGroups": ["db.example.com"], "resources": [*resources], "verbs": ["*"]}
    role = {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": [rule]}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {**meta, "uid": "u-binding"},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "operator"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "shop"}],
    }
    return [role, binding]


def served(api: ApiServer, *items: dict[str, Any]) -> None:
    """Without what it made, and with what the operator logs of that."""
    api.items[:] = [item for item in api.items if item is not OWNED] + [*items]
    version = {"groupVersion": "db.example.com/v1", "version": "v1"}
    group = {"preferredVersion": version, "versions": [version]}
    api.texts["/apis/db.example.com"] = json.dumps(group).encode()
    api.texts[f"{GROUP}/namespaces/shop/stores"] = json.dumps(
        {"kind": "StoreList", "items": [STORE]}
    ).encode()
    lines = "\n".join(SAYS.format(second) for second in range(9))
    api.texts[f"/api/v1/namespaces/shop/pods/{OPERATOR}/log"] = lines.encode()


def test_what_an_operator_cannot_make_leads_to_what_asks_for_it(
    api: ApiServer, tmp_path: Path
) -> None:
    """By the operator's rights: what it made is gone, and no owner leads there."""
    served(api, *rights("stores", "stores/status"))
    snap = observe(ports(live(api, tmp_path)), ScopeRequest(("shop",)))
    assert snap.gaps == ()
    (store,) = snap.objects["Store"]
    assert store.metadata.name == "main"
    assert ("Store", "shop", "main") in snap.originals


def test_a_recording_has_it_as_well(api: ApiServer, tmp_path: Path) -> None:
    """Whoever looks at it later sees what was seen."""
    served(api, *rights("stores"))
    path = tmp_path / "then.json"
    whole = {"apiVersion": "db.example.com/v1", "kind": "Store", **STORE}
    listed = json.dumps({"kind": "StoreList", "items": [whole]}).encode()
    api.texts[f"{GROUP}/namespaces/shop/stores"] = listed
    content = record(ports(live(api, tmp_path)), ScopeRequest(("shop",)), compressed=False)
    path.write_bytes(content)
    past = ports(RecordedCluster(str(path)))
    for asked in ((), ("shop",)):
        (store,) = observe(past, ScopeRequest(asked)).objects["Store"]
        assert (store.metadata.name, store.KIND) == ("main", "Store")


@pytest.mark.parametrize(
    "items",
    [rights("*"), rights("stores", account="somebody-else"), []],
    ids=["names no kind", "another account", "no rights"],
)
def test_nobody_looks_for_kinds_that_nothing_names(
    api: ApiServer, tmp_path: Path, items: list[dict[str, Any]]
) -> None:
    """A cluster may serve hundreds."""
    served(api, *items)
    snap = observe(ports(live(api, tmp_path)), ScopeRequest(("shop",)))
    assert "Store" not in snap.objects
    assert not [path for _, path, _ in api.requests if path.startswith(GROUP)]
