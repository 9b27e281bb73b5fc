"""kubectl delete: what comes back as it was, and what is refused because it would not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.errors import Invalid
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from tests.actions.lifecycle import done, everything, planned, refused, stand_of, there_and_back
from tests.actions.test_kinds import an
from tests.flow.stand import Stand
from tests.flow.worlds import app, service, world

Item = dict[str, Any]
SPARE = Ref("Service", "shop", "spare", "v1")


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """web; and a Service of type NodePort that selects no pods: such a one is no unit."""
    spare = service("spare")
    del spare["spec"]["selector"]
    spare["spec"]["type"] = "NodePort"
    return stand_of(
        tmp_path, world([*app("web"), spare, an("ConfigMap", "plain", data={"a": "1"})])
    )


def owned(kind: str, owner: Item, name: str = "child", **fields: Any) -> Item:
    """An object that garbage collection takes with its owner."""
    item = an(kind, name, **fields)
    meta = owner["metadata"]
    item["metadata"]["ownerReferences"] = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
        }
    ]
    return item


def of(stand: Stand, kind: str, name: str) -> Item:
    namespace = "shop" if BY_KIND[kind].namespaced else ""
    item = stand.twin.get(Ref(kind, namespace, name, BY_KIND[kind].api_version))
    assert item is not None
    return item


@pytest.mark.parametrize("line", ["kubectl delete cm plain", "kubectl delete cm/plain svc/spare"])
def test_what_is_deleted_comes_back(stand: Stand, line: str) -> None:
    after = there_and_back(stand, line)
    assert "ConfigMap/shop/plain" not in after


def test_a_service_comes_back_with_its_addresses(stand: Stand) -> None:
    spec = of(stand, "Service", "spare")["spec"]
    assert spec["ports"][0]["nodePort"]
    there_and_back(stand, "kubectl delete svc spare")
    with stand.ports() as ports:
        undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert of(stand, "Service", "spare")["spec"] == spec


def test_a_service_that_selects_pods_is_missed_and_comes_back_at_once(stand: Stand) -> None:
    """What vanishes counts as worst: the transaction takes itself back, addresses and all."""
    before = everything(stand)
    made = planned(stand, "kubectl delete svc web")
    assert made.plan is not None, made.refusal
    with stand.ports() as ports:
        report = execute_plan(made.plan, ports, stand.observe)
    assert report.state is TransactionState.UNDONE, report.why
    assert everything(stand) == before


@pytest.mark.parametrize("field", ["clusterIP", "nodePort"])
def test_a_service_whose_address_is_taken_is_not_said_to_be_back(stand: Stand, field: str) -> None:
    """Somebody else got the address meanwhile: the server refuses, and nothing is hidden."""
    spec = of(stand, "Service", "spare")["spec"]
    done(stand, "kubectl delete svc spare")
    thief = service("thief")
    if field == "clusterIP":
        thief["spec"]["clusterIP"] = spec["clusterIP"]
    else:
        port = {"port": 80, "nodePort": spec["ports"][0]["nodePort"]}
        thief["spec"] |= {"type": "NodePort", "ports": [port]}
    stand.twin.create(thief)
    before = everything(stand)
    with stand.ports() as ports:
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    (transaction,) = report.transactions
    assert transaction.state is not TransactionState.COMMITTED
    assert "already allocated" in transaction.why
    assert everything(stand) == before


def test_the_server_gives_no_address_twice(stand: Stand) -> None:
    thief = service("thief")
    thief["spec"]["clusterIP"] = of(stand, "Service", "spare")["spec"]["clusterIP"]
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        stand.twin.create(thief)


@pytest.mark.parametrize("kind", ["ConfigMap", "Role", "NetworkPolicy", "Deployment"])
def test_what_garbage_collection_would_take_is_a_reason(stand: Stand, kind: str) -> None:
    """Of any kind, not only of what controllers make."""
    owner = of(stand, "ConfigMap", "plain")
    child = owned(kind, owner)
    if kind == "Deployment":
        child["spec"] = of(stand, "Deployment", "web")["spec"]
    stand.twin.create(child)
    told = refused(stand, "kubectl delete cm plain")
    assert f"dependents: deleting shop/ConfigMap/plain would take {kind} child with it" in told


def test_cluster_scoped_dependents(stand: Stand) -> None:
    owner = stand.twin.create(an("ClusterRole", rules=[]))
    stand.twin.create(owned("PriorityClass", owner, value=1))
    assert "would take PriorityClass child with it" in refused(
        stand, "kubectl delete clusterrole x"
    )


def test_a_deployment_takes_its_replica_sets(stand: Stand) -> None:
    assert "would take ReplicaSet" in refused(stand, "kubectl delete deploy web")


def test_finalizers_are_a_reason_and_are_named(stand: Stand) -> None:
    item = an("ConfigMap", "held", data={})
    item["metadata"]["finalizers"] = ["a.io/b"]
    stand.twin.create(item)
    assert "finalizers: shop/ConfigMap/held has finalizers (a.io/b)" in refused(
        stand, "kubectl delete cm held"
    )


def test_endpoints_by_hand_go_with_their_service(stand: Stand) -> None:
    """The endpoints controller deletes them."""
    item = service("by-hand")
    del item["spec"]["selector"]
    stand.twin.create(item)
    there_and_back(stand, "kubectl delete svc by-hand")
    stand.twin.create(item)
    stand.twin.create(an("Endpoints", "by-hand", subsets=[{"addresses": [{"ip": "10.0.0.1"}]}]))
    stand.cluster.writes = 0
    assert "would take Endpoints by-hand" in refused(stand, "kubectl delete svc by-hand")


def test_an_address_from_outside_may_not_come_back(stand: Stand) -> None:
    item = service("outside")
    item["spec"]["type"] = "LoadBalancer"
    made = stand.twin.create(item)
    made["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}
    stand.twin.load([made])
    assert "irreversible: the address from outside" in refused(stand, "kubectl delete svc outside")
