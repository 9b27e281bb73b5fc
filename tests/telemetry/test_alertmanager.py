"""Alertmanager: firing alerts of the scope, from a real one too; everything else is a gap."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stratus_cli.model.snapshot import GapReason, Scope, Snapshot
from stratus_cli.telemetry.alertmanager import AlertmanagerSource
from tests.cases.loader import manifests, snapshot
from tests.telemetry.web import Answer, ServiceProxy, answering, eventually, free_port, program

NOWHERE = ServiceProxy({})


def shop() -> Snapshot:
    return snapshot(manifests("shop-healthy.yaml"))


def alert(name: str, **labels: str) -> dict[str, object]:
    return {
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": f"{name} is on"},
        "startsAt": "2026-11-24T11:50:00.000Z",
        "updatedAt": "2026-11-24T11:59:00.123Z",
        "status": {"state": "active"},
    }


def test_alerts_of_the_scope() -> None:
    """Those of the asked namespaces and those of none; asked for without silenced ones."""
    asked: list[dict[str, str]] = []

    def answer(path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        asked.append(query)
        listed = [alert("B", namespace="shop"), alert("A"), alert("C", namespace="other"),
                  alert("Watchdog"), alert("A")]  # fmt: skip
        return 200, json.dumps(listed).encode()

    with answering(answer) as url:
        snap = replace(shop(), scope=Scope(("shop",), ("shop",), 2))
        found = AlertmanagerSource(NOWHERE, url).read(snap)
    assert [item.name for item in found.signals.alerts] == ["A", "B"]
    first = found.signals.alerts[0]
    assert (first.summary, first.starts_at) == (
        "A is on", datetime(2026, 11, 24, 11, 50, tzinfo=UTC),
    )  # fmt: skip
    assert found.signals.sources == ("alertmanager",)
    assert (asked[0]["active"], asked[0]["silenced"], asked[0]["inhibited"]) == (
        "true", "false", "false",
    )  # fmt: skip


@pytest.mark.parametrize("answer", [(500, b""), (200, b"{}"), (200, b"<html>"), (200, b"[1]")])
def test_an_answer_that_cannot_be_used_is_a_gap(answer: Answer) -> None:
    """Not the same as "no alert fires"."""
    with answering(lambda *_: answer) as url:
        [gap] = AlertmanagerSource(NOWHERE, url).read(shop()).gaps
    assert (gap.subject, gap.reason) == ("alertmanager", GapReason.ABSENT)


def test_it_is_found_behind_the_api_server_or_absent() -> None:
    """By its label."""
    service = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "am", "namespace": "mon", "labels": {"app": "alertmanager"}},
        "spec": {"ports": [{"name": "x", "port": 1}, {"name": "web", "port": 9093}]},
    }  # fmt: skip
    path = "/api/v1/namespaces/mon/services/am:9093/proxy/api/v2/alerts"
    proxy = ServiceProxy({path: json.dumps([alert("A")]).encode()})
    found = AlertmanagerSource(proxy).read(snapshot([service]))
    assert [item.name for item in found.signals.alerts] == ["A"]
    [gap] = AlertmanagerSource(NOWHERE).read(shop()).gaps
    assert gap.reason is GapReason.ABSENT


def test_a_real_alertmanager(tmp_path: Path) -> None:
    """An alert that is sent to it fires; one that has ended does not."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
    (tmp_path / "a.yml").write_text(json.dumps(config))
    arguments = (
        f"--config.file={tmp_path / 'a.yml'}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    with program("prometheus-alertmanager", tmp_path, f"{url}/-/ready", *arguments):
        now = datetime.now(UTC)
        sent = [
            {"labels": {"alertname": "WebDown", "namespace": "shop"}},
            {"labels": {"alertname": "Past"}, "endsAt": (now - timedelta(minutes=1)).isoformat(),
             "startsAt": (now - timedelta(minutes=2)).isoformat()},
        ]  # fmt: skip
        request = urllib.request.Request(
            f"{url}/api/v2/alerts",
            json.dumps(sent).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=5).close()
        source = AlertmanagerSource(NOWHERE, url)
        eventually(lambda: bool(source.read(shop()).signals.alerts), 20)
        [found] = source.read(shop()).signals.alerts
    assert (found.name, found.labels["namespace"]) == ("WebDown", "shop")
    assert found.starts_at is not None
