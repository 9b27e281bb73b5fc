"""Prometheus and Alertmanager for the tests of the gate: real HTTP, on the twin's clock.

Counters are integrals of the loads told, seen only where a scrape fell, as Prometheus sees them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stratus_cli.model.ports import Source
from stratus_cli.telemetry.alertmanager import AlertmanagerSource
from stratus_cli.telemetry.prometheus import PrometheusSource
from tests.flow.stand import Stand
from tests.telemetry.web import Answer, ServiceProxy, answering

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, math.inf)
RANGE = re.compile(r"\[(\d+)s\]")
FAILED = 'code!~"5.."'


@dataclass(frozen=True)
class Load:
    """Requests per second, the share of them that fails, and how long each takes."""

    rps: float
    errors: float = 0.0
    seconds: float = 0.01


@dataclass
class Monitoring:
    """What the servers know. loads: by Service of namespace shop, (epoch seconds, from then on)."""

    stand: Stand
    loads: dict[str, list[tuple[float, Load]]] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    scrape_s: float = 15.0
    up: bool = True
    queries: list[str] = field(default_factory=list)

    def serves(self, service: str, load: Load, *, ago_s: float = 0.0) -> None:
        """From now on, or since so many seconds."""
        self.loads.setdefault(service, []).append((self.now() - ago_s, load))

    def fires(self, name: str, *, ago_s: float = 0.0, **labels: str) -> None:
        """An alert that fires until it is taken out of `alerts`."""
        since = datetime.fromtimestamp(self.now() - ago_s, UTC).isoformat()
        named = {"alertname": name, "namespace": "shop", **labels}
        self.alerts.append({"labels": named, "startsAt": since})

    def now(self) -> float:
        """Epoch seconds of the twin."""
        return self.stand.twin.now().timestamp()

    @contextmanager
    def sources(self) -> Iterator[tuple[Source, ...]]:
        """Both servers up, and the sources that read them."""
        nowhere = ServiceProxy({})
        with answering(self._answer) as url:
            yield PrometheusSource(nowhere, url), AlertmanagerSource(nowhere, url)

    def _answer(self, path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        if not self.up:
            return 503, b"gone"
        text = query.get("query", "")
        self.queries.append(f"{path} {text}")
        now = self.now()
        match path:
            case "/api/v2/alerts":
                fresh = datetime.fromtimestamp(now, UTC).isoformat()
                return 200, json.dumps(
                    [{**item, "updatedAt": fresh} for item in self.alerts]
                ).encode()
            case "/api/v1/rules":
                groups = [{"name": "shop", "interval": 15, "rules": self.rules}]
                return _success({"groups": groups})
            case "/api/v1/status/config":
                interval = f"{self.scrape_s:.0f}s"
                text = (
                    f"global:\n  scrape_interval: {interval}\n  evaluation_interval: {interval}\n"
                )
                return _success({"yaml": text})
            case "/api/v1/query":
                result = [
                    {"metric": labels, "value": [now, str(value)]}
                    for labels, value in self._vector(text, now)
                ]
                return _success({"resultType": "vector", "result": result})
            case "/api/v1/query_range":
                return _success(self._matrix(text, query))
        return 404, b""

    def _matrix(self, text: str, query: dict[str, str]) -> dict[str, Any]:
        start, end, step = (float(query[key]) for key in ("start", "end", "step"))
        series: dict[str, list[list[Any]]] = {}
        for number in range(int((end - start) / step) + 1):
            at = start + number * step
            for labels, value in self._vector(text, at):
                series.setdefault(json.dumps(labels), []).append([at, str(value)])
        result = [{"metric": json.loads(key), "values": rows} for key, rows in series.items()]
        return {"resultType": "matrix", "result": result}

    def _vector(self, text: str, at: float) -> Iterator[tuple[dict[str, str], float]]:
        if text.startswith("group"):
            for name in ("http_requests_total", "http_request_duration_seconds_bucket"):
                yield {"__name__": name}, 1
            return
        window = RANGE.search(text)
        assert window is not None, text
        for service in self.loads:
            labels = {"namespace": "shop", "service": service}
            grown = self._increase(service, at, float(window[1]))
            if grown is None:
                continue
            served, failed, buckets = grown
            if "http_requests_total" in text:
                yield {**labels, "code": "200"}, served
                yield {**labels, "code": "500"}, failed
            elif "http_request_duration_seconds_bucket" in text:
                assert FAILED in text
                for bound, count in zip(BOUNDS, buckets, strict=True):
                    yield {**labels, "le": "+Inf" if math.isinf(bound) else str(bound)}, count

    def _increase(
        self, service: str, at: float, window: float
    ) -> tuple[float, float, list[float]] | None:
        """Between the first and the last scrape inside the window; None with fewer than two."""
        last = math.floor(at / self.scrape_s) * self.scrape_s
        first = math.ceil((at - window) / self.scrape_s) * self.scrape_s
        if last <= first:
            return None
        served = failed = 0.0
        buckets = [0.0] * len(BOUNDS)
        loads = self.loads[service]
        for (since, load), until in zip(
            loads, [*(at for at, _ in loads[1:]), math.inf], strict=True
        ):
            count = load.rps * max(0.0, min(last, until) - max(first, since))
            served += count * (1 - load.errors)
            failed += count * load.errors
            for number, bound in enumerate(BOUNDS):
                buckets[number] += count * (1 - load.errors) if load.seconds <= bound else 0.0
        return served, failed, buckets


def _success(data: dict[str, Any]) -> Answer:
    return 200, json.dumps({"status": "success", "data": data}).encode()
