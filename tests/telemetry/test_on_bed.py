"""On real nodes: a program that answers errors while its pods are ready is found, and said once.

Its log says so where no telemetry server is; Prometheus and Alertmanager, found behind the API
server's service proxy, say it in figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.flow.detect import Detection, detect
from stratus_cli.flow.diagnose import diagnose, verify
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.ports import Source
from stratus_cli.model.ref import Ref
from stratus_cli.telemetry.alertmanager import AlertmanagerSource
from stratus_cli.telemetry.prometheus import PrometheusSource
from tests.cluster import lifecycle, monitoring, objects
from tests.cluster.bed import Bed
from tests.cluster.layout import default
from tests.cluster.steps import Steps
from tests.cluster.world import ports

PROGRAM = (Path(__file__).parent / "faltering.py").read_text()
LOAD = """
import time, urllib.request
while True:
    try:
        urllib.request.urlopen("http://front/", timeout=3).read()
    except OSError:
        pass
    time.sleep(0.1)
"""
WELL = 60  # requests that are answered before the errors begin
SEEN_WITHIN_S = 90.0


@pytest.fixture(scope="module")
def shop(bed: Bed) -> Iterator[str]:
    """front calls back, which begins to fail; somebody calls front."""
    with bed.namespace() as name:
        bed.apply(
            name,
            _deployment("back", PROGRAM, FAIL_AFTER=str(WELL)),
            _deployment("front", PROGRAM, UPSTREAM="http://back/"),
            _deployment("load", LOAD),
            objects.service("back"),
            objects.service("front"),
        )
        yield name


def test_the_log_says_it(bed: Bed, shop: str) -> None:
    """Both log errors; it is one incident, of the one that is called, and its evidence holds."""
    back, front = (Ref("Deployment", shop, name) for name in ("back", "front"))

    def seen() -> Detection | None:
        found = look(bed, shop)
        keys = {(item.rule, item.ref) for item in found.findings if item.severity.value > 1}
        return found if {("SLO006", back), ("SLO006", front)} <= keys else None

    found = bed.until(seen, "SLO006 on both", SEEN_WITHIN_S)
    assert found is not None
    [incident] = diagnose(found)
    assert incident.roots[0].root == back
    assert verify(incident.roots[0], look(bed, shop).snap)


@pytest.fixture(scope="module")
def monitors(bed: Bed) -> Iterator[None]:
    """Prometheus and Alertmanager, gone afterwards unless they were there before."""
    if not bed.is_own:
        pytest.skip("the telemetry servers are those of this machine's bed")
    spaces = [item["metadata"]["name"] for item in bed.api("GET", "/api/v1/namespaces")["items"]]
    lifecycle.monitor(default(), Steps(), full=False)
    yield
    if monitoring.NAMESPACE not in spaces:
        bed.api("DELETE", f"/api/v1/namespaces/{monitoring.NAMESPACE}")


@pytest.mark.usefixtures("monitors")
def test_prometheus_and_alertmanager_say_it(bed: Bed, shop: str) -> None:
    """Errors in figures, and the alert on the workload of the pod that it names."""
    back = Ref("Deployment", shop, "back")
    cluster = live(bed)
    sources = (PrometheusSource(cluster), AlertmanagerSource(cluster))

    def seen() -> set[str] | None:
        found = look(bed, shop, *sources)
        rules = {item.rule for item in found.findings if item.ref == back}
        return rules if {"SLO001", "SLO003"} <= rules else None

    assert bed.until(seen, "SLO001 and SLO003 on back", SEEN_WITHIN_S)


def look(bed: Bed, namespace: str, *sources: Source) -> Detection:
    made = replace(ports(live(bed), *sources), clock=SystemClock())
    return detect(observe(made, ScopeRequest((namespace,))))


def live(bed: Bed) -> LiveCluster:
    redactor = Redactor(b"test")
    return LiveCluster(bed.kubeconfig, bed.context, timeout_s=15, redactor=redactor)


def _deployment(name: str, program: str, **env: str) -> dict[str, Any]:
    container = {
        **objects.container("app", env=env, probe=program is PROGRAM),
        "command": ["python3", "-u", "-c", program],
    }
    made = objects.deployment(name, container)
    made["spec"]["template"]["metadata"]["annotations"] = {
        "prometheus.io/scrape": str(program is PROGRAM).lower(),
        "prometheus.io/port": "8080",
    }
    return made
