"""Units, healths and small clusters for the tests of health."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from stratus_cli.health.verdict import Gate
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Confidence, Finding, Severity
from stratus_cli.model.health import Health, PodStage, UnitHealth
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Gap, Signals
from tests.cases.loader import snapshot

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
CART = Ref("Deployment", "shop", "cart")
CART_SERVICE = Ref("Service", "shop", "cart")
PAY = Ref("Deployment", "shop", "pay")
PAY_SERVICE = Ref("Service", "shop", "pay")
FAR = Ref("Deployment", "blog", "blog")
ROOT = ("WRK201", CART)

WELL = UnitHealth(CART, PodStage.READY, 3, 3)
BROKEN = UnitHealth(CART, PodStage.SCHEDULED, 0, 3, problems=("WRK201",))

GATE = Gate(targets=(CART,), roots=(ROOT,), near=(CART_SERVICE, PAY, PAY_SERVICE))


def workload(ref: Ref, ready: int = 3, wanted: int = 3, **more: Any) -> UnitHealth:
    """A workload with so many ready pods."""
    stage = PodStage.READY if ready >= wanted else PodStage.STARTED
    return UnitHealth(ref, more.pop("stage", stage), ready, wanted, **more)


def service(ref: Ref, endpoints: int = 3, **more: Any) -> UnitHealth:
    """A Service with so many serving endpoints."""
    return UnitHealth(ref, endpoints=endpoints, **more)


def health(*units: UnitHealth, unread: Iterable[str] = ()) -> Health:
    """These units at one moment."""
    return Health(AT, {unit.ref: unit for unit in units}, None, None, tuple(unread))


def problem(unit: UnitHealth, *rules: str) -> UnitHealth:
    """The unit with these problems."""
    return replace(unit, problems=rules)


def finding(rule: str, ref: Ref, severity: Severity = Severity.OUTAGE) -> Finding:
    """A finding."""
    return Finding(rule, severity, Confidence.HIGH, ref, "broken")


# Raw objects, as the API returns them


def graph(*items: Any, gaps: tuple[Gap, ...] = (), signals: Signals | None = None) -> Graph:
    """The graph of raw objects; lists of them are flattened."""
    flat = list(_flat(items))
    return Graph(snapshot(flat, at="2026-01-31T12:00:00Z", gaps=gaps, signals=signals))


def _flat(items: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        if isinstance(item, dict):
            yield item
        else:
            yield from _flat(item)


def deployment(
    name: str = "cart",
    replicas: int = 3,
    *,
    ready: int | None = None,
    updated: int | None = None,
    generation: int = 2,
    observed: int = 2,
    conditions: list[dict[str, str]] | None = None,
    spec: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A Deployment and what its status says."""
    have = replicas if ready is None else ready
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "generation": generation,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "a:1"}]},
            },
            **(spec or {}),
        },
        "status": {
            "observedGeneration": observed,
            "replicas": replicas,
            "updatedReplicas": replicas if updated is None else updated,
            "readyReplicas": have,
            "availableReplicas": have,
            "conditions": conditions or [],
        },
    }


def replica_set(name: str = "cart", revision: int = 1, replicas: int = 3) -> dict[str, Any]:
    """A ReplicaSet of a Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name}-{revision}",
            "namespace": "shop",
            "uid": f"uid-{name}-{revision}",
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [_owner("Deployment", name, f"uid-{name}")],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}},
        },
        "status": {"observedGeneration": 1, "replicas": replicas},
    }


def pod(
    name: str = "cart",
    number: int = 0,
    *,
    revision: int = 1,
    stage: PodStage = PodStage.READY,
    terminating: bool = False,
    owner: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A pod of a Deployment's ReplicaSet that got so far."""
    scheduled = {"type": "PodScheduled", "status": "True" if stage > PodStage.NONE else "False"}
    ready = {"type": "Ready", "status": "True" if stage == PodStage.READY else "False"}
    state: dict[str, Any] = {"waiting": {"reason": "ErrImagePull"}}
    image = ""
    if stage == PodStage.PULLED:
        state, image = {"waiting": {"reason": "CrashLoopBackOff"}}, "sha256:1"
    elif stage > PodStage.PULLED:
        state, image = {"running": {"startedAt": "2026-01-31T11:00:00Z"}}, "sha256:1"
    status = {"name": "web", "ready": stage == PodStage.READY, "imageID": image, "state": state}
    meta = {
        "name": f"{name}-{revision}-{number}",
        "namespace": "shop",
        "uid": f"uid-{name}-{revision}-{number}",
        "labels": {"app": name},
        "creationTimestamp": "2026-01-31T11:00:00Z",
        "ownerReferences": [
            owner or _owner("ReplicaSet", f"{name}-{revision}", f"uid-{name}-{revision}")
        ],
    }
    if terminating:
        meta["deletionTimestamp"] = "2026-01-31T11:59:50Z"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {
            "nodeName": "n1" if stage else "",
            "containers": [{"name": "web", "image": "a:1", "ports": [{"containerPort": 8080}]}],
        },
        "status": {
            "phase": "Running" if stage > PodStage.PULLED else "Pending",
            "podIP": f"10.0.{revision}.{number}",
            "conditions": [scheduled, ready],
            "containerStatuses": [status] if stage else [],
        },
    }


def pods(name: str = "cart", count: int = 3, **more: Any) -> list[dict[str, Any]]:
    """So many of them."""
    return [pod(name, number, **more) for number in range(count)]


def a_service(name: str = "cart", target: int | str = 8080, **spec: Any) -> dict[str, Any]:
    """A Service that selects app=NAME."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-svc-{name}"},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": target}],
            **spec,
        },
    }


def endpoints(
    name: str = "cart",
    numbers: Iterable[int] = range(3),
    *,
    port: int = 8080,
    ready: bool = True,
    revision: int = 1,
    family: str = "IPv4",
    of: str = "",
) -> dict[str, Any]:
    """An EndpointSlice with the addresses of these pods."""
    prefix = "10.0." if family == "IPv4" else "fd00::"
    joint = "." if family == "IPv4" else ":"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-{family.lower()}",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": family,
        "endpoints": [
            {
                "addresses": [f"{prefix}{revision}{joint}{number}"],
                "conditions": {"ready": ready},
                "targetRef": {
                    "kind": "Pod",
                    "namespace": "shop",
                    "name": f"{of or name}-{revision}-{number}",
                },
            }
            for number in numbers
        ],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }


def running(name: str = "cart", count: int = 3) -> list[dict[str, Any]]:
    """A Deployment that is well, behind its Service."""
    return [
        deployment(name, count),
        replica_set(name, 1, count),
        *pods(name, count),
        a_service(name),
        endpoints(name, range(count)),
    ]


def _owner(kind: str, name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}
