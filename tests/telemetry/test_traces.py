"""Calls that Jaeger saw, as edges between workloads and Services."""

from __future__ import annotations

import json

from stratus_cli.model.errors import NotFound
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import TracedCall
from stratus_cli.telemetry.traces import TraceSource
from tests.cases.loader import manifests, snapshot
from tests.kube.test_calls import deployment, service
from tests.telemetry.web import ServiceProxy

JAEGER = {
    "apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "jaeger-query", "namespace": "tracing", "uid": "u-j"},
    "spec": {"ports": [{"name": "http-query", "port": 16686}]},
}  # fmt: skip
BASE = "/api/v1/namespaces/tracing/services/jaeger-query:16686/proxy"


def links(*ends: tuple[str, str, int]) -> bytes:
    data = [{"parent": a, "child": b, "callCount": n} for a, b, n in ends]
    return json.dumps({"data": data, "total": 0}).encode()


def test_calls_of_known_names() -> None:
    """By workload and Service name, also NAME.NAMESPACE; unknown names and itself are left out."""
    answer = links(
        ("web", "cart", 12), ("cart.shop", "db", 3), ("web", "elsewhere", 1), ("web", "web", 9)
    )
    items = [*manifests("shop-healthy.yaml"), deployment("cart"), service("cart"), service("db")]
    proxy = ServiceProxy({f"{BASE}/api/dependencies": answer})
    snap = TraceSource(proxy).read(snapshot([*items, JAEGER]))
    web, cart = Ref("Deployment", "shop", "web"), Ref("Deployment", "shop", "cart")
    assert snap.signals.calls == (
        TracedCall(cart, Ref("Service", "shop", "db"), 3.0),
        TracedCall(web, Ref("Service", "shop", "cart"), 12.0),
    )
    assert snap.signals.sources == ("jaeger",)


def test_behind_a_base_path() -> None:
    """As charts set it."""
    absent = NotFound(404, "NotFound", "no")
    proxy = ServiceProxy(
        {f"{BASE}/api/dependencies": absent, f"{BASE}/jaeger/ui/api/dependencies": links()}
    )
    assert TraceSource(proxy).read(snapshot([JAEGER])).signals.sources == ("jaeger",)


def test_without_jaeger_or_with_nonsense() -> None:
    """Neither a call nor a gap."""
    snap = TraceSource(ServiceProxy({"/api/v1/services": b"{}"})).read(snapshot([]))
    assert (snap.signals.calls, snap.gaps) == ((), ())
    paths = [f"{BASE}{base}/api/dependencies" for base in ("", "/jaeger/ui", "/jaeger")]
    snap = TraceSource(ServiceProxy(dict.fromkeys(paths, b"<html>"))).read(snapshot([JAEGER]))
    assert (snap.signals.sources, snap.gaps) == ((), ())
