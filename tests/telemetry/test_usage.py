"""What containers use: asked for only where something is slow, from one server and few kubelets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from stratus_cli.model.errors import Forbidden, NotFound
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import GapReason, Signals, Snapshot, Traffic, Usage
from stratus_cli.telemetry.usage import PODS, UsageSource, throttling
from tests.cases.loader import manifests, snapshot
from tests.telemetry.web import ServiceProxy

POD = Ref("Pod", "shop", "web-7d4b9c-aaaaa")
LABELS = 'container="web",id="/k",image="i",name="n",namespace="shop",pod="web-7d4b9c-aaaaa"'
CADVISOR = (
    "# TYPE container_cpu_cfs_periods_total counter\n"
    f"container_cpu_cfs_periods_total{{{LABELS}}} 1000 1700000000000\n"
    f"container_cpu_cfs_throttled_periods_total{{{LABELS}}} 600 1700000000000\n"
    'container_cpu_cfs_periods_total{container="",namespace="shop",pod="web-7d4b9c-aaaaa"} 9 1\n'
).encode()


def shop(*, slow: bool) -> Snapshot:
    given = snapshot(manifests("shop-healthy.yaml"))
    web = Ref("Deployment", "shop", "web")
    traffic = Traffic(web, 300.0, 500.0, 0.0, 0.9, given.taken_at, p99_past=0.1)
    return replace(given, signals=Signals(traffic=(traffic,) if slow else ()))


def metrics() -> bytes:
    usage = {"name": "web", "usage": {"cpu": "48123456n", "memory": "32Mi"}}
    item = {"metadata": {"name": POD.name, "namespace": "shop"}, "containers": [usage]}
    other = {"metadata": {"name": "x", "namespace": "other"}, "containers": [usage]}
    return json.dumps({"kind": "PodMetricsList", "items": [item, other]}).encode()


def kubelets(answer: bytes | Exception) -> Mapping[str, bytes | Exception]:
    return {f"/api/v1/nodes/{node}/proxy/metrics/cadvisor": answer for node in ("node1", "node2")}


def test_nothing_is_asked_while_nothing_is_slow() -> None:
    """No request at all."""
    proxy = ServiceProxy({})
    assert UsageSource(proxy).read(shop(slow=False)).signals.usage == ()
    assert proxy.asked == []


def test_both_sources_of_one_container() -> None:
    """metrics-server's usage, the kubelet's throttling; other pods are left out."""
    proxy = ServiceProxy({PODS: metrics(), **kubelets(CADVISOR)})
    snap = UsageSource(proxy).read(shop(slow=True))
    assert snap.gaps == ()
    assert snap.signals.usage == (Usage(POD, "web", 0.6, None, 0.048123456, 33554432.0),)


def test_what_may_not_be_read_is_a_gap() -> None:
    """And what may is still told."""
    absent = NotFound(404, "NotFound", "the server could not find the requested resource")
    proxy = ServiceProxy({PODS: absent, **kubelets(CADVISOR)})
    snap = UsageSource(proxy).read(shop(slow=True))
    assert [gap.reason for gap in snap.gaps] == [GapReason.ABSENT]
    assert [item.throttled for item in snap.signals.usage] == [0.6]
    refused = Forbidden(403, "Forbidden", "nodes/proxy is forbidden")
    snap = UsageSource(ServiceProxy({PODS: metrics(), **kubelets(refused)})).read(shop(slow=True))
    assert [gap.reason for gap in snap.gaps] == [GapReason.FORBIDDEN]
    assert [item.throttled for item in snap.signals.usage] == [None]


def test_throttling_of_strange_text() -> None:
    """Few periods say nothing; what is no number is left out."""
    few = CADVISOR.replace(b" 1000 ", b" 50 ")
    assert list(throttling(few)) == []
    assert list(throttling(CADVISOR.replace(b" 600 ", b" x "))) == []
    assert list(throttling(b"\xff\x00{{{")) == []
