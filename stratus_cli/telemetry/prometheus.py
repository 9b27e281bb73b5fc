"""Error rate and p99 of workloads and Services from Prometheus, for metrics of common names.

Four kinds of question, each asked once for the whole cluster: which metrics there are, requests by
status, requests by duration. What has no such metric, or whose series name no object, is left out.
Before a change also how much the figures vary by themselves, and what the alerts rest on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from stratus_cli.model.errors import StratusError
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import AlertRule, Gap, GapReason, Snapshot, Traffic, Usage
from stratus_cli.telemetry import containers, metrics
from stratus_cli.telemetry.endpoint import Endpoint, Fetch, UrlEndpoint, endpoints
from stratus_cli.telemetry.look_back import alert_rules
from stratus_cli.telemetry.noise import Noise, noise
from stratus_cli.telemetry.prometheus_api import (
    Series,
    alerting_groups,
    intervals,
    query,
    query_range,
)
from stratus_cli.telemetry.tally import Tallies, Tally
from stratus_cli.telemetry.units import Units

PORT = 9090
WINDOW_S = 300.0
NOISE_S = 1800.0  # DESIGN.md, Health and TNR: the last 30 min
STEP_S = 60.0
SCRAPES_A_STEP = 4  # Prometheus' advice: a range of four scrapes at least, so that one may fail

Ask = Callable[[str, float], Iterable[Series]]


class PrometheusSource:
    """Implements model.ports.Source and Windowed. url: "" looks for it behind the API server.

    window_s: how far back requests are counted.
    """

    name = "prometheus"

    def __init__(self, fetch: Fetch, url: str = "", *, window_s: float = WINDOW_S) -> None:
        if url:
            UrlEndpoint(url)  # a wrong one is said before anything is read
        self._fetch = fetch
        self._url = url
        self._window_s = window_s
        self._since: datetime | None = None
        self._noise = False
        self._rules: tuple[AlertRule, ...] = ()
        self._scrape_s: float | None = None

    def count_since(self, moment: datetime | None, *, noise: bool = False) -> None:
        """As the port says. What the alerts rest on is kept from the read with noise."""
        self._since = moment
        self._noise = noise
        if moment is None:
            self._rules, self._scrape_s = (), None

    def read(self, snap: Snapshot) -> Snapshot:
        """With the traffic of every unit that has a known metric, or with a gap."""
        why = "no Service of that name is seen"
        for endpoint in endpoints(self._fetch, self._url, snap, self.name, PORT):
            try:
                present = _present(endpoint)
                traffic, notes = self._traffic(endpoint, present, Units(snap), snap.taken_at)
            except StratusError as error:
                why = f"{error.what} ({endpoint.where})"[:200]
                continue
            signals = replace(
                snap.signals,
                traffic=(*snap.signals.traffic, *traffic),
                usage=(*snap.signals.usage, *_usage(endpoint, present, snap)),
                sources=(*snap.signals.sources, self.name),
                rules=self._rules,
                scrape_s=self._scrape_s,
            )
            gaps = tuple(Gap(self.name, GapReason.UNREADABLE, note) for note in notes)
            return replace(snap, signals=signals, gaps=(*snap.gaps, *gaps))
        return replace(snap, gaps=(*snap.gaps, Gap(self.name, GapReason.ABSENT, why)))

    def _traffic(
        self, endpoint: Endpoint, present: set[str], units: Units, now: datetime
    ) -> tuple[tuple[Traffic, ...], tuple[str, ...]]:
        """The traffic, and what is not measured."""
        if self._noise and self._scrape_s is None:
            self._learn(endpoint)
        if not present.intersection(metrics.names()):
            return (), ("it has no request metric of a name that is known",)
        window_s = self._window_of(now)
        if window_s < 1:
            return (), ()
        tallies = Tallies(units)
        _ask(tallies, present, window_s, lambda text, _: query(endpoint, text))
        newest = tallies.units
        looks_back = self._noise or self._since is None
        known = self._noise_of(endpoint, units, present, newest) if looks_back else {}
        traffic = tuple(
            _told(ref, newest[ref], window_s, now, known.get(ref, Noise()))
            for ref in sorted(newest)
        )
        unmapped = tallies.unmapped
        notes = (f"{unmapped} series name no pod, workload or Service",) if unmapped else ()
        return traffic, notes

    def _window_of(self, now: datetime) -> float:
        """Whole seconds; so many that nothing from before the moment is counted."""
        if self._since is None:
            return max(1.0, float(round(self._window_s)))
        return float(int(max(0.0, (now - self._since).total_seconds())))

    def _noise_of(
        self, endpoint: Endpoint, units: Units, present: set[str], newest: dict[Ref, Tally]
    ) -> dict[Ref, Noise]:
        """By unit; {} where Prometheus does not say: then the least noise that is assumed holds."""
        end = max((tally.at for tally in newest.values()), default=0.0)  # by its own clock
        if not end:
            return {}
        step = max(STEP_S, SCRAPES_A_STEP * (self._scrape_s or 0.0))
        tallies = Tallies(units, by_time=True, before=end)
        try:
            _ask(
                tallies,
                present,
                step,
                lambda text, span: query_range(endpoint, text, end - NOISE_S + span, end, span),
            )
        except StratusError:
            return {}
        return noise(tallies)

    def _learn(self, endpoint: Endpoint) -> None:
        """What the alerts rest on. A Prometheus that does not say leaves defaults and no rules."""
        try:
            self._scrape_s = intervals(endpoint)[0]
        except StratusError:
            self._scrape_s = None
        try:
            self._rules = tuple(alert_rules(alerting_groups(endpoint)))
        except StratusError:
            self._rules = ()


def _present(endpoint: Endpoint) -> set[str]:
    """Which of the metrics that are asked for there are."""
    wanted = "|".join((*metrics.names(), *containers.NAMES))
    found = query(endpoint, f'group by (__name__) ({{__name__=~"{wanted}"}})')
    return {series.metric.get("__name__", "") for series in found}


def _usage(endpoint: Endpoint, present: set[str], snap: Snapshot) -> tuple[Usage, ...]:
    """() where the kubelets are not scraped, or what is asked for is refused."""
    if not present.intersection(containers.NAMES):
        return ()
    try:
        return containers.usage(endpoint, snap)
    except StratusError:
        return ()


def _ask(tallies: Tallies, present: set[str], window_s: float, ask: Ask) -> None:
    """Requests by status, then durations of those that did not fail."""
    window = f"{window_s:.0f}s"
    by = ",".join((*metrics.LABELS, *metrics.CODES))
    for family in metrics.FAMILIES:
        if family.count in present:
            text = f"sum by ({by}) (increase({family.count}{_only(family.only)}[{window}]))"
            tallies.count(family, ask(text, window_s))
    by = ",".join(("le", *metrics.LABELS))
    served = [f'{label}!~"5.."' for label in metrics.CODES]
    for family in metrics.FAMILIES:
        if family.bucket in present and tallies.uses(family):
            only = _only(",".join((*served, *((family.only,) if family.only else ()))))
            text = f"sum by ({by}) (increase({family.bucket}{only}[{window}]))"
            tallies.durations(family, ask(text, window_s))


def _told(ref: Ref, tally: Tally, window_s: float, now: datetime, known: Noise) -> Traffic:
    try:
        taken_at = datetime.fromtimestamp(tally.at, UTC)
    except (ValueError, OverflowError, OSError):
        taken_at = now
    low, high = tally.p99_band_s or (None, None)
    return Traffic(
        ref=ref,
        window_s=window_s,
        requests=tally.requests,
        error_rate=tally.error_rate,
        p99_s=tally.p99_s,
        p99_low_s=low,
        p99_high_s=high,
        taken_at=taken_at,
        error_mad=known.error_mad,
        p99_mad=known.p99_mad,
        error_minute=known.error_minute,
        error_past=known.error_past,
        p99_past=known.p99_past,
        p99_minute=known.p99_minute,
        p99_minute_low_s=known.p99_minute_low_s,
        p99_young=known.p99_young,
    )


def _only(matchers: str) -> str:
    return f"{{{matchers}}}" if matchers else ""
