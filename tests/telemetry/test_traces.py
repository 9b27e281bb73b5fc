"""Calls that Jaeger saw, as edges between workloads and Services."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stratus_cli.model.errors import ClusterAnswer, NotFound
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import TracedCall
from stratus_cli.telemetry.traces import TraceSource
from tests.cases.loader import manifests, snapshot
from tests.cluster.parts import jaeger_if_built
from tests.kube.test_calls import deployment, service
from tests.telemetry.web import ServiceProxy, eventually, free_port, program

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


def test_one_that_does_not_answer_is_asked_once() -> None:
    """Not at each place where it might answer."""
    gone = ClusterAnswer(503, "ServiceUnavailable", "no endpoints available")
    proxy = ServiceProxy({f"{BASE}/api/dependencies": gone})
    assert TraceSource(proxy).read(snapshot([JAEGER])).signals.sources == ()
    assert len(proxy.asked) == 1


LISTENERS = (
    "query.http-server", "collector.zipkin", "query.grpc-server", "collector.http-server",
    "collector.grpc-server", "admin.http", "http-server", "processor.jaeger-binary.server",
    "processor.jaeger-compact.server", "processor.zipkin-compact.server",
)  # fmt: skip


def test_a_real_jaeger(tmp_path: Path) -> None:
    """Spans that were sent to it come back as a call."""
    built = jaeger_if_built()
    if built is None:
        pytest.skip("Jaeger is not built: python -m tests.cluster up --telemetry")
    places = [f"127.0.0.1:{free_port()}" for _ in LISTENERS]
    options = [
        f"--{name}{'-' if name.startswith('processor') else '.'}host-port={place}"
        for name, place in zip(LISTENERS, places, strict=True)
    ]
    query, zipkin = (f"http://{place}" for place in places[:2])
    with program(str(built), tmp_path, f"{query}/", "--collector.otlp.enabled=false", *options):
        _send(
            f"{zipkin}/api/v2/spans", _span("web", "1"), _span("cart", "2", parentId="1".zfill(16))
        )
        items = [*manifests("shop-healthy.yaml"), deployment("cart"), service("cart")]

        def calls() -> tuple[TracedCall, ...]:
            snap = replace(snapshot(items), taken_at=datetime.now(UTC))
            return TraceSource(ServiceProxy({}), query).read(snap).signals.calls

        eventually(lambda: bool(calls()), 20)
        [call] = calls()
    assert (call.caller.name, call.callee, call.requests) == (
        "web", Ref("Service", "shop", "cart"), 1.0,
    )  # fmt: skip


def _span(service_name: str, number: str, **more: str) -> dict[str, object]:
    return {
        "traceId": "1".zfill(16), "id": number.zfill(16), "kind": "SERVER", "name": "get",
        "timestamp": int(datetime.now(UTC).timestamp() * 1e6), "duration": 500,
        "localEndpoint": {"serviceName": service_name}, **more,
    }  # fmt: skip


def _send(url: str, *spans: dict[str, object]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(spans).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 202
