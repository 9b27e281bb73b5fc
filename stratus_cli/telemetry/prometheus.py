"""Error rate and p99 of workloads and Services from Prometheus, for metrics of common names.

Four kinds of question, each asked once for the whole cluster: which metrics there are, requests by
status, requests by duration. What has no such metric, or whose series name no object, is left out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec

from stratus_cli.model.errors import StratusError
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Gap, GapReason, Snapshot, Traffic
from stratus_cli.telemetry import metrics
from stratus_cli.telemetry.endpoint import Endpoint, Fetch, UrlEndpoint, endpoints, failed
from stratus_cli.telemetry.units import Units

PORT = 9090
WINDOW_S = 300.0
QUANTILE = 0.99


class _Series(msgspec.Struct):
    metric: dict[str, str] = {}
    value: tuple[float, str] = (0.0, "")


class _Data(msgspec.Struct, rename="camel"):
    result_type: str = ""
    result: list[_Series] = []


class _Answer(msgspec.Struct):
    status: str = ""
    error: str = ""
    data: _Data = msgspec.field(default_factory=_Data)


@dataclass
class _Tally:
    """What was counted for one unit. errors: None while no series has a status."""

    family: metrics.Family
    requests: float = 0.0
    errors: float | None = None
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    at: float = 0.0


class PrometheusSource:
    """Implements model.ports.Source. url: "" looks for it behind the API server.

    window_s: how far back requests are counted.
    """

    name = "prometheus"

    def __init__(self, fetch: Fetch, url: str = "", *, window_s: float = WINDOW_S) -> None:
        if url:
            UrlEndpoint(url)  # a wrong one is said before anything is read
        self._fetch = fetch
        self._url = url
        self._window_s = window_s

    def read(self, snap: Snapshot) -> Snapshot:
        """With the traffic of every unit that has a known metric, or with a gap."""
        why = "no Service of that name is seen"
        for endpoint in endpoints(self._fetch, self._url, snap, self.name, PORT):
            try:
                traffic, notes = self._traffic(endpoint, Units(snap), snap.taken_at)
            except StratusError as error:
                why = f"{error.what} ({endpoint.where})"[:200]
                continue
            signals = replace(
                snap.signals,
                traffic=(*snap.signals.traffic, *traffic),
                sources=(*snap.signals.sources, self.name),
            )
            gaps = tuple(Gap(self.name, GapReason.UNREADABLE, note) for note in notes)
            return replace(snap, signals=signals, gaps=(*snap.gaps, *gaps))
        return replace(snap, gaps=(*snap.gaps, Gap(self.name, GapReason.ABSENT, why)))

    def _traffic(
        self, endpoint: Endpoint, units: Units, now: datetime
    ) -> tuple[tuple[Traffic, ...], tuple[str, ...]]:
        """The traffic, and what is not measured."""
        wanted = "|".join(metrics.names())
        present = {
            series.metric.get("__name__", "")
            for series in _query(endpoint, f'group by (__name__) ({{__name__=~"{wanted}"}})')
        }
        if not present:
            return (), ("it has no request metric of a name that is known",)
        tallies: dict[Ref, _Tally] = {}
        unmapped = 0
        for family in metrics.FAMILIES:
            if family.count in present:
                unmapped += self._count(endpoint, family, units, tallies)
        for family in metrics.FAMILIES:
            used = any(tally.family is family for tally in tallies.values())
            if used and family.bucket in present:
                self._durations(endpoint, family, units, tallies)
        traffic = tuple(self._told(ref, tallies[ref], now) for ref in sorted(tallies))
        notes = (f"{unmapped} series name no pod, workload or Service",) if unmapped else ()
        return traffic, notes

    def _count(
        self, endpoint: Endpoint, family: metrics.Family, units: Units, tallies: dict[Ref, _Tally]
    ) -> int:
        """Requests and errors. Returns how many series are nobody's."""
        by = ",".join((*metrics.LABELS, *metrics.CODES))
        text = f"sum by ({by}) (increase({family.count}{_only(family.only)}[{self._window}]))"
        unmapped = 0
        for series in _query(endpoint, text):
            value = _number(series.value[1])
            if value is None or math.isinf(value):
                continue
            refs = units.of(series.metric)
            unmapped += not refs
            for ref in refs:
                tally = tallies.setdefault(ref, _Tally(family))
                if tally.family is family:
                    _add(tally, series, value)
        return unmapped

    def _durations(
        self, endpoint: Endpoint, family: metrics.Family, units: Units, tallies: dict[Ref, _Tally]
    ) -> None:
        """Buckets of requests that did not fail."""
        by = ",".join(("le", *metrics.LABELS))
        served = [f'{label}!~"5.."' for label in metrics.CODES]
        only = _only(",".join((*served, *((family.only,) if family.only else ()))))
        text = f"sum by ({by}) (increase({family.bucket}{only}[{self._window}]))"
        for series in _query(endpoint, text):
            value, bound = _number(series.value[1]), _number(series.metric.get("le", ""))
            if value is None or bound is None or math.isinf(value):
                continue
            for ref in units.of(series.metric):
                tally = tallies.get(ref)
                if tally is not None and tally.family is family:
                    tally.buckets[bound * family.scale] += value

    @property
    def _window(self) -> str:
        return f"{max(1, round(self._window_s))}s"

    def _told(self, ref: Ref, tally: _Tally, now: datetime) -> Traffic:
        try:
            taken_at = datetime.fromtimestamp(tally.at, UTC)
        except (ValueError, OverflowError, OSError):
            taken_at = now
        rate = None
        if tally.errors is not None and tally.requests > 0:
            rate = min(1.0, tally.errors / tally.requests)
        return Traffic(
            ref=ref,
            window_s=self._window_s,
            requests=tally.requests,
            error_rate=rate,
            p99_s=quantile(QUANTILE, tally.buckets),
            taken_at=taken_at,
        )


def quantile(wanted: float, buckets: dict[float, float]) -> float | None:
    """Like Prometheus' histogram_quantile over cumulative buckets {upper bound: count}.

    None without requests. In the last bucket: the highest finite bound, which is then a minimum.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or buckets[bounds[-1]] <= 0:
        return None
    rank = wanted * buckets[bounds[-1]]
    below, lower = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if math.isinf(bound):
                return bounds[-2]
            share = (rank - below) / (buckets[bound] - below) if buckets[bound] > below else 1.0
            return lower + (bound - lower) * share
        below, lower = buckets[bound], bound
    return bounds[-2]


def _add(tally: _Tally, series: _Series, value: float) -> None:
    tally.requests += value
    tally.at = max(tally.at, series.value[0])
    code = metrics.first(series.metric, metrics.CODES)
    if code:
        failed_too = code.startswith("5") and len(code) == 3
        tally.errors = (tally.errors or 0.0) + (value if failed_too else 0.0)


def _query(endpoint: Endpoint, text: str) -> Iterator[_Series]:
    """An instant query's vector."""
    data = endpoint.get("/api/v1/query", {"query": text, "timeout": "5s"})
    try:
        answer = msgspec.json.decode(data, type=_Answer)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise failed("its answer is not Prometheus' JSON", endpoint.where) from error
    if answer.status != "success":
        raise failed(f"it refuses the query ({answer.error[:100]})", endpoint.where)
    yield from answer.data.result


def _number(text: str) -> float | None:
    """A sample's value; None for NaN and what is no number. +Inf is one (a bucket's bound)."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _only(matchers: str) -> str:
    return f"{{{matchers}}}" if matchers else ""
