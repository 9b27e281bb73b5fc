"""Adding series up: requests, errors and durations of each unit, at one moment or at many."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from stratus_cli.model.ref import Ref
from stratus_cli.telemetry import metrics
from stratus_cli.telemetry.prometheus_api import Series, number
from stratus_cli.telemetry.units import Units

QUANTILE = 0.99
SIGMAS = 3  # as many as MADs in health.compare: beyond them it is no chance


@dataclass
class Tally:
    """What was counted for one unit. errors: None while no series has a status."""

    family: metrics.Family
    requests: float = 0.0
    errors: float | None = None
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    at: float = 0.0

    @property
    def error_rate(self) -> float | None:
        """0..1; None without requests or without a status."""
        if self.errors is None or self.requests <= 0:
            return None
        return min(1.0, self.errors / self.requests)

    @property
    def p99_s(self) -> float | None:
        """Of requests that did not fail."""
        return quantile(QUANTILE, self.buckets)

    @property
    def p99_band_s(self) -> tuple[float, float] | None:
        """Between which two values the p99 is, of requests that did not fail."""
        return band(QUANTILE, self.buckets)


class Tallies:
    """Tallies by unit, and by moment for the answers of range queries.

    A unit is counted for the first family that has it, so that nothing is counted twice. before:
    what pods that are gone served up to then is part of it, too; what a unit is like now, and what
    a change made of it, is told by the pods that there are.
    """

    def __init__(self, units: Units, *, by_time: bool = False, before: float = -math.inf) -> None:
        self._units = units
        self._by_time = by_time
        self._before = before
        self.moments: dict[float, dict[Ref, Tally]] = defaultdict(dict)
        self.unmapped = 0

    @property
    def units(self) -> dict[Ref, Tally]:
        """Those of the newest moment."""
        return self.moments[max(self.moments)] if self.moments else {}

    def uses(self, family: metrics.Family) -> bool:
        """Whether any unit is counted for it."""
        return any(
            tally.family is family
            for tallies in self.moments.values()
            for tally in tallies.values()
        )

    def count(self, family: metrics.Family, series: Iterable[Series]) -> None:
        """Requests and errors."""
        for item in series:
            refs = self._refs(item)
            self.unmapped += not refs and bool(item.points)
            for at, value in item.points:
                if math.isinf(value):
                    continue
                for ref in (ref for ref, until in refs if at < until):
                    tally = self._at(at).setdefault(ref, Tally(family))
                    if tally.family is family:
                        _add(tally, item, at, value)

    def durations(self, family: metrics.Family, series: Iterable[Series]) -> None:
        """Buckets of requests that did not fail."""
        for item in series:
            bound = number(item.metric.get("le", ""))
            if bound is None:
                continue
            refs = self._refs(item)
            for at, value in item.points:
                if math.isinf(value):
                    continue
                for ref in (ref for ref, until in refs if at < until):
                    tally = self._at(at).get(ref)
                    if tally is not None and tally.family is family:
                        tally.buckets[bound * family.scale] += value

    def _refs(self, series: Series) -> tuple[tuple[Ref, float], ...]:
        """Whom it is about, and until when it is counted for each."""
        labels = dict(series.metric)
        refs = self._units.of(labels)
        former = (ref for ref in self._units.formerly(labels) if ref not in refs)
        return (*((ref, math.inf) for ref in refs), *((ref, self._before) for ref in former))

    def _at(self, at: float) -> dict[Ref, Tally]:
        return self.moments[at if self._by_time else 0.0]


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


def band(wanted: float, buckets: dict[float, float]) -> tuple[float, float] | None:
    """Between which two bounds the quantile is; None without requests. The upper may be infinite.

    Two reasons not to know it better: of few requests another sample would have another one (the
    rank's standard deviation is sqrt(q (1 - q) / n) of all), and within a bucket nothing is known.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or not math.isinf(bounds[-1]):
        return None
    count = buckets[bounds[-1]]
    if not count > 0:  # NaN neither
        return None
    chance = SIGMAS * math.sqrt(wanted * (1 - wanted) / count)
    ranks = (max(0.0, wanted - chance) * count, min(1.0, wanted + chance) * count)
    lower, upper = (
        next((at for at in bounds if buckets[at] >= rank), bounds[-1]) for rank in ranks
    )
    return max((at for at in bounds if at < lower), default=0.0), upper


def _add(tally: Tally, series: Series, at: float, value: float) -> None:
    tally.requests += value
    tally.at = max(tally.at, at)
    code = metrics.first(dict(series.metric), metrics.CODES)
    if code:
        failed_too = code.startswith("5") and len(code) == 3
        tally.errors = (tally.errors or 0.0) + (value if failed_too else 0.0)
