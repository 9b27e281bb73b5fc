"""Prometheus: error rate and p99 of the right units, from a real one too, and honest gaps."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.model.errors import Forbidden, UsageError
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import GapReason, Scope, Snapshot, Traffic
from stratus_cli.telemetry.prometheus import PrometheusSource
from stratus_cli.telemetry.tally import quantile
from tests.cases.loader import manifests, snapshot
from tests.telemetry.web import Answer, ServiceProxy, answering, eventually, free_port, program

POD = {"namespace": "shop", "pod": "web-7d4b9c-aaaaa"}
WEB = Ref("Deployment", "shop", "web")
WEB_SERVICE = Ref("Service", "shop", "web")
AT = 1764000000.0
NOWHERE = ServiceProxy({})


def shop() -> Snapshot:
    return snapshot(manifests("shop-healthy.yaml"))


def vector(*series: tuple[dict[str, str], float | str]) -> bytes:
    result = [{"metric": labels, "value": [AT, str(value)]} for labels, value in series]
    data = {"resultType": "vector", "result": result}
    return json.dumps({"status": "success", "data": data}).encode()


class Prometheus:
    """Answers queries by the metric that they are about."""

    def __init__(self, **metrics: list[tuple[dict[str, str], float | str]]) -> None:
        self.metrics = metrics
        self.queries: list[str] = []

    def __call__(self, path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        if path != "/api/v1/query":
            return 404, b""  # it keeps no history
        text = query["query"]
        self.queries.append(text)
        if text.startswith("group"):
            return 200, vector(*(({"__name__": name}, 1) for name in self.metrics))
        found = [name for name in self.metrics if f"({name}" in text]
        return 200, vector(*(series for name in found for series in self.metrics[name]))


def read(prometheus: Any, snap: Snapshot | None = None) -> Snapshot:
    with answering(prometheus) as url:
        return PrometheusSource(NOWHERE, url).read(snap or shop())


def traffic(snap: Snapshot) -> dict[Ref, Traffic]:
    return {unit.ref: unit for unit in snap.signals.traffic}


@pytest.mark.parametrize(
    ("instance", "units"),
    [
        ("10.88.0.7:8080", {WEB, WEB_SERVICE}),
        ("web.shop.svc:8080", {WEB, WEB_SERVICE}),
        ("web:8080", {WEB, WEB_SERVICE}),
        ("10.88.0.8:8080", set()),
        ("elsewhere:8080", set()),
        ("web.other:8080", set()),
    ],
)
def test_a_target_without_labels_of_kubernetes(instance: str, units: set[Ref]) -> None:
    """By the pod's address or the Service's name; else it is nobody's."""
    items = manifests("shop-healthy.yaml")
    pods = [dict(item) for item in items if item["kind"] == "Pod"]
    pods[0]["status"] = {**pods[0]["status"], "podIP": "10.88.0.7"}
    kept = [item for item in items if item["kind"] != "Pod"]
    series: list[tuple[dict[str, str], float | str]] = [
        ({"instance": instance, "code": "500"}, 30),
        ({"instance": instance, "code": "200"}, 70),
    ]
    found = traffic(read(Prometheus(http_requests_total=series), snapshot([*kept, *pods])))
    assert set(found) == units
    assert all(item.error_rate == pytest.approx(0.3) for item in found.values())


def test_error_rate_of_the_workload_and_its_service() -> None:
    """Series of pods count for the Deployment above and the Service in front."""
    other = {**POD, "pod": "web-7d4b9c-bbbbb"}
    snap = read(
        Prometheus(
            http_requests_total=[
                ({**POD, "code": "200"}, 60), ({**POD, "code": "503"}, 20),
                ({**other, "code": "200"}, 20), ({**other, "code": "404"}, "NaN"),
            ]
        )
    )  # fmt: skip
    found = traffic(snap)
    assert set(found) == {WEB, WEB_SERVICE}
    assert (found[WEB].requests, found[WEB].error_rate) == (100, 0.2)
    assert found[WEB].p99_s is None
    assert found[WEB].window_s == 300
    assert snap.signals.sources == ("prometheus",)
    assert snap.gaps == ()


def test_p99_is_of_requests_that_succeeded_over_all_pods() -> None:
    """Buckets of pods are added before the quantile is taken; 5xx are left out by the query."""
    prometheus = Prometheus(
        http_requests_total=[({**POD, "code": "200"}, 100)],
        http_request_duration_seconds_bucket=[
            ({**POD, "le": "0.1"}, 50), ({**POD, "le": "1"}, 50), ({**POD, "le": "+Inf"}, 50),
            ({**POD, "pod": "web-7d4b9c-bbbbb", "le": "0.1"}, 0),
            ({**POD, "pod": "web-7d4b9c-bbbbb", "le": "1"}, 50),
            ({**POD, "pod": "web-7d4b9c-bbbbb", "le": "+Inf"}, 50),
        ],
    )  # fmt: skip
    p99_s = traffic(read(prometheus))[WEB].p99_s
    assert p99_s == pytest.approx(0.1 + 0.9 * 49 / 50)
    assert all('code!~"5.."' in text for text in prometheus.queries if "bucket[" in text)


def test_a_request_is_counted_once_where_two_metrics_count_it() -> None:
    """The first family that a unit has is its measure."""
    snap = read(
        Prometheus(
            http_requests_total=[({**POD, "code": "200"}, 10)],
            http_request_duration_seconds_count=[({**POD, "code": "200"}, 10)],
        )
    )
    assert traffic(snap)[WEB].requests == 10


def test_without_status_there_is_no_error_rate() -> None:
    """Not zero: not measured."""
    snap = read(Prometheus(http_requests_total=[(POD, 10)]))
    assert traffic(snap)[WEB].error_rate is None


def test_no_requests_is_no_error_rate() -> None:
    """Nothing was asked, so nothing failed and nothing succeeded."""
    snap = read(Prometheus(http_requests_total=[({**POD, "code": "200"}, 0)]))
    assert (traffic(snap)[WEB].requests, traffic(snap)[WEB].error_rate) == (0, None)


@pytest.mark.parametrize(
    ("labels", "refs"),
    [
        ({"namespace": "shop", "deployment": "web"}, {WEB, WEB_SERVICE}),
        ({"namespace": "shop", "service": "web"}, {WEB_SERVICE}),
        ({"exported_namespace": "shop", "namespace": "ingress", "pod": "nginx-1",
          "exported_service": "web"}, {WEB_SERVICE}),
        ({"kubernetes_namespace": "shop", "kubernetes_pod_name": "web-7d4b9c-aaaaa"},
         {WEB, WEB_SERVICE}),
        ({"namespace": "shop", "pod": "gone"}, set()),
        ({"pod": "web-7d4b9c-aaaaa"}, set()),
        ({"instance": "10.0.0.1:8080", "job": "web"}, set()),
    ],
)  # fmt: skip
def test_labels_name_units(labels: dict[str, str], refs: set[Ref]) -> None:
    """Pod, workload and Service labels as common scrape configurations write them."""
    snap = read(Prometheus(http_requests_total=[({**labels, "code": "200"}, 1)]))
    assert set(traffic(snap)) == refs
    assert bool(snap.gaps) == (not refs)


def test_milliseconds_are_seconds() -> None:
    """Istio's histogram counts milliseconds."""
    labels = {"destination_service_namespace": "shop", "destination_service_name": "web"}
    snap = read(
        Prometheus(
            istio_requests_total=[({**labels, "response_code": "200"}, 100)],
            istio_request_duration_milliseconds_bucket=[
                ({**labels, "le": "100"}, 100), ({**labels, "le": "+Inf"}, 100)],
        )
    )  # fmt: skip
    assert traffic(snap)[WEB_SERVICE].p99_s == pytest.approx(0.099)


def test_only_the_asked_namespaces() -> None:
    """Other namespaces' series are nobody's."""
    snap = replace(shop(), scope=Scope(("other",), ("other",), 2))
    assert not read(
        Prometheus(http_requests_total=[({**POD, "code": "200"}, 1)]), snap
    ).signals.traffic


def test_no_metric_of_a_known_name_is_said() -> None:
    """It answers, and measures nothing of ours."""
    snap = read(Prometheus())
    assert snap.signals.sources == ("prometheus",)
    assert "no request metric" in snap.gaps[0].detail


@pytest.mark.parametrize(
    "answer",
    [
        (500, b""), (404, b"{}"), (302, b""), (200, b"<html>"), (200, b"[]"), (200, b"\xff"),
        (400, b'{"status":"error","error":"bad"}'), (200, b'{"status":"error","error":"bad"}'),
        (200, b'{"status":"success","data":{"result":[{"metric":{"a":1}}]}}'),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_a_gap(answer: Answer) -> None:
    """Absent, with the reason, and never an error."""
    snap = read(lambda *_: answer)
    [gap] = snap.gaps
    assert (gap.subject, gap.reason) == ("prometheus", GapReason.ABSENT)
    assert not snap.signals.sources


def test_hostile_values_do_no_harm() -> None:
    """Infinities, huge times, codes that are none."""

    def hostile(path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        if query["query"].startswith("group"):
            return 200, vector(({"__name__": "http_requests_total"}, 1))
        good, bad = ({**POD, "code": "2xx"}, "7"), ({**POD, "code": "5"}, "+Inf")
        return 200, vector(good, bad).replace(str(AT).encode(), b"1e300")

    assert traffic(read(hostile))[WEB].requests == 7


def test_nothing_listens() -> None:
    """A URL that nobody serves is a gap."""
    snap = PrometheusSource(NOWHERE, "http://127.0.0.1:1").read(shop())
    assert "reached" in snap.gaps[0].detail


@pytest.mark.parametrize("url", ["prometheus", "ftp://x", "http://", "http://x:port", "//x"])
def test_a_url_that_is_none_is_a_mistake(url: str) -> None:
    """Said before anything is read."""
    with pytest.raises(UsageError):
        PrometheusSource(NOWHERE, url)


def test_credentials_of_the_url_are_sent_and_not_shown() -> None:
    """As Basic; the gap has the address without them."""
    seen: list[str] = []

    def guarded(path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        seen.append(headers["Authorization"])
        return 403, b""

    with answering(guarded) as url:
        snap = PrometheusSource(NOWHERE, url.replace("//", "//me:hunter2@")).read(shop())
    assert seen == ["Basic " + base64.b64encode(b"me:hunter2").decode()]
    assert "hunter2" not in snap.gaps[0].detail


def monitoring(*names: str) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "monitoring"},
            "spec": {"ports": [{"name": "web", "port": 9090}]},
        }
        for name in names
    ]  # fmt: skip


def proxied(name: str) -> str:
    return f"/api/v1/namespaces/monitoring/services/{name}:9090/proxy/api/v1/query"


def test_it_is_found_behind_the_api_server() -> None:
    """By its name, in any namespace; what only has the word in its name is left out."""
    items = monitoring("prometheus-node-exporter", "prometheus-operator", "kube-prometheus")
    proxy = ServiceProxy({proxied("kube-prometheus"): vector()})
    snap = PrometheusSource(proxy).read(snapshot([*manifests("shop-healthy.yaml"), *items]))
    assert snap.signals.sources == ("prometheus",)
    assert [path for path, _ in proxy.asked] == [proxied("kube-prometheus")]


def test_a_narrowed_scope_still_finds_it() -> None:
    """-n shop does not hide the monitoring namespace."""
    services = json.dumps({"items": monitoring("prometheus")}).encode()
    proxy = ServiceProxy({"/api/v1/services": services, proxied("prometheus"): vector()})
    snap = replace(shop(), scope=Scope(("shop",), ("shop",), 2))
    assert PrometheusSource(proxy).read(snap).signals.sources == ("prometheus",)


def test_the_next_one_is_tried_and_refusal_is_said() -> None:
    """A Service without a Prometheus behind it does not end the search."""
    refused = Forbidden(403, "Forbidden", "services/proxy is forbidden")
    items = monitoring("prometheus", "prometheus-b")
    answers: dict[str, bytes | Exception] = {
        proxied("prometheus"): refused,
        proxied("prometheus-b"): vector(),
    }
    snap = PrometheusSource(ServiceProxy(answers)).read(snapshot(items))
    assert snap.signals.sources == ("prometheus",)
    alone = PrometheusSource(ServiceProxy(answers)).read(snapshot(items[:1]))
    assert "forbidden" in alone.gaps[0].detail


def test_none_is_a_gap() -> None:
    """Absent, not wrong."""
    [gap] = PrometheusSource(NOWHERE).read(shop()).gaps
    assert gap.reason is GapReason.ABSENT


BUCKETS = st.dictionaries(st.floats(0.001, 100), st.integers(0, 1000), min_size=1, max_size=8)


@given(BUCKETS)
def test_a_quantile_lies_within_the_bounds(counts: dict[float, int]) -> None:
    """For any cumulative histogram."""
    total, buckets = 0.0, {}
    for bound in sorted(counts):
        total += counts[bound]
        buckets[bound] = total
    buckets[math.inf] = total
    found = quantile(0.99, buckets)
    assert (found is None) == (total == 0)
    assert found is None or 0 <= found <= max(counts)


def test_a_real_prometheus(tmp_path: Path) -> None:
    """Scraped counters and histograms become error rate and p99."""
    scrapes = iter(range(1, 10_000))

    def exposed(path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        n = next(scrapes)
        lines = [
            f'http_requests_total{{code="200"}} {30 * n}',
            f'http_requests_total{{code="500"}} {10 * n}',
            f'http_request_duration_seconds_bucket{{code="200",le="0.1"}} {30 * n}',
            f'http_request_duration_seconds_bucket{{code="200",le="+Inf"}} {30 * n}',
            'http_request_duration_seconds_bucket{code="500",le="0.1"} 0',
            f'http_request_duration_seconds_bucket{{code="500",le="+Inf"}} {10 * n}',
        ]
        return 200, ("\n".join(lines) + "\n").encode()

    port = free_port()
    with answering(exposed) as target:
        static = {"targets": [target.removeprefix("http://")], "labels": POD}
        scrape = {"job_name": "shop", "scrape_interval": "200ms", "static_configs": [static]}
        (tmp_path / "p.yml").write_text(json.dumps({"scrape_configs": [scrape]}))
        arguments = (
            f"--config.file={tmp_path / 'p.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        url = f"http://127.0.0.1:{port}"
        with program("prometheus", tmp_path, f"{url}/-/ready", *arguments):
            source = PrometheusSource(NOWHERE, url, window_s=60)
            eventually(lambda: bool((source.read(shop()).signals.traffic or [None])[0]), 20)
            eventually(lambda: (traffic(source.read(shop()))[WEB].requests or 0) > 0, 20)
            found = traffic(source.read(shop()))[WEB]
    assert found.error_rate == pytest.approx(0.25, abs=0.05)
    assert found.p99_s == pytest.approx(0.099, abs=0.001)
