"""Noise of the last half hour, windows that start at a moment, and how far alerts look back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, Traffic
from stratus_cli.telemetry import metrics
from stratus_cli.telemetry.look_back import alert_rules, look_back_s
from stratus_cli.telemetry.noise import deviation, noise
from stratus_cli.telemetry.prometheus import PrometheusSource
from stratus_cli.telemetry.prometheus_api import Group, Rule, Series, seconds
from stratus_cli.telemetry.tally import Tallies
from stratus_cli.telemetry.units import Units
from tests.telemetry.test_prometheus import AT, NOWHERE, POD, WEB, shop, traffic, vector
from tests.telemetry.web import Answer, answering, eventually, free_port, program

NONE = Traffic(WEB, 0.0, None, None, None, shop().taken_at)
RATES = (0.0, 0.1, 0.0, 0.1, 0.2, 0.1)
NAMES = ("http_requests_total",)
DURATIONS = "http_request_duration_seconds_bucket"
SHARES = {"0.1": 0.9, "0.5": 0.95, "2": 1.0, "+Inf": 1.0}
"""Of the requests, by the bucket's bound."""


class History:
    """Answers range queries with RATES, a point a minute."""

    def __init__(self, *, refuses: tuple[str, ...] = (), names: tuple[str, ...] = NAMES) -> None:
        self.refuses = refuses
        self.names = names
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        self.asked.append((path, query))
        name = path.rpartition("/")[2]
        if name in self.refuses:
            return 403, b""
        if name == "config":
            text = "global:\n  scrape_interval: 30s\nscrape_configs:\n- scrape_interval: 5s\n"
            return 200, _success({"yaml": text})
        if name == "rules":
            rule = {"type": "alerting", "name": "Burns", "duration": 120,
                    "query": "sum(rate(http_requests_total[5m])) > 1"}  # fmt: skip
            return 200, _success({"groups": [{"interval": 15, "rules": [rule]}]})
        if name == "query_range" and "_bucket" in query["query"]:
            series = [
                {"metric": {**POD, "le": le}, "values": [[AT, str(1000 * part)]]}
                for le, part in SHARES.items()
            ]
            return 200, _success({"result": series})
        if name == "query_range":
            values = {
                "200": [[AT - 60 * back, str(100 * (1 - RATES[-1 - back]))] for back in range(6)],
                "500": [[AT - 60 * back, str(100 * RATES[-1 - back])] for back in range(6)],
            }
            series = [{"metric": {**POD, "code": code}, "values": v} for code, v in values.items()]
            return 200, _success({"result": series})
        if query["query"].startswith("group"):
            return 200, vector(*(({"__name__": known}, 1) for known in self.names))
        if "_bucket" in query["query"]:
            return 200, vector(*(({**POD, "le": le}, 10 * part) for le, part in SHARES.items()))
        return 200, vector(({**POD, "code": "200"}, 90), ({**POD, "code": "500"}, 10))


def _success(data: dict[str, object]) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def test_noise_is_the_deviation_over_the_last_half_hour() -> None:
    """Asked for by the server's own clock; the newest step is the minute before."""
    history = History()
    with answering(history) as url:
        source = PrometheusSource(NOWHERE, url)
        source.count_since(None, noise=True)
        snap = source.read(shop())
    found = traffic(snap)[WEB]
    assert found.error_mad == pytest.approx(0.05)
    assert found.error_minute == pytest.approx(0.1)
    (query,) = [query for path, query in history.asked if path.endswith("query_range")]
    # Four scrapes a step: one every 30 s makes it two minutes.
    assert (float(query["end"]), query["step"]) == (AT, "120")
    assert float(query["start"]) == AT - 1800 + 120
    assert "[120s]" in query["query"]
    assert [(rule.name, rule.look_back_s) for rule in snap.signals.rules] == [("Burns", 420.0)]
    assert snap.signals.scrape_s == 30.0


def test_what_was_before_is_read_unless_a_change_is_watched() -> None:
    """The newest five minutes are no part of the past; during a change nothing is compared."""
    units = Units(shop())
    tallies = Tallies(units, by_time=True)
    family = metrics.FAMILIES[2]
    for minute in range(12):
        failed = 50.0 if minute >= 11 else 0.0
        for code, value in (("200", 100 - failed), ("500", failed)):
            point = ((60.0 * minute, value),)
            tallies.count(family, [Series({**POD, "code": code}, point)])
    found = noise(tallies)[WEB]
    assert (found.error_past, found.error_minute) == (0.0, 0.5)
    history = History()
    with answering(history) as url:
        source = PrometheusSource(NOWHERE, url)
        assert traffic(source.read(shop()))[WEB].error_minute == pytest.approx(0.1)
        source.count_since(shop().taken_at - timedelta(seconds=60))
        assert traffic(source.read(shop()))[WEB].error_minute is None


@pytest.mark.parametrize(
    ("minutes", "past", "young"), [(3, None, None), (4, None, 1.7), (9, None, 1.7), (12, 1.7, None)]
)
def test_a_young_unit_is_compared_with_its_first_minutes(
    minutes: int, past: float | None, young: float | None
) -> None:
    """Three at least, the newest aside; who has a past is compared with that."""
    tallies = Tallies(Units(shop()), by_time=True)
    family = metrics.FAMILIES[2]
    for minute in range(minutes):
        at = 60.0 * minute
        tallies.count(family, [Series({**POD, "code": "200"}, ((at, 100.0),))])
        steps = [Series({**POD, "le": le}, ((at, 100 * part),)) for le, part in SHARES.items()]
        tallies.durations(family, steps)
    found = noise(tallies)[WEB]
    assert (found.p99_past, found.p99_young) == (pytest.approx(past), pytest.approx(young))


@pytest.mark.parametrize("more", [{}, {"service": "web"}, {"pod": "web-7d4b9c-24579"}])
def test_pods_that_are_gone_are_part_of_the_past_and_not_of_now(more: dict[str, str]) -> None:
    """A rollout does not make a workload young, and what its former pods did is over."""
    gone = {**POD, "pod": "web-7d4b9c-zzzzz", **more}
    strange = {**POD, "pod": "other-7d4b9c-zzzzz"}
    tallies = Tallies(Units(shop()), by_time=True, before=660.0)
    family = metrics.FAMILIES[2]
    for minute in range(12):
        point = ((60.0 * minute, 100.0),)
        for labels in (gone, strange):
            tallies.count(family, [Series({**labels, "code": "500"}, point)])
    tallies.count(family, [Series({**POD, "code": "200"}, ((660.0, 100.0),))])
    found = noise(tallies)[WEB]
    assert (found.error_past, found.error_minute) == (1.0, 0.0)
    assert tallies.unmapped == 12
    now = Tallies(Units(shop()))
    now.count(family, [Series({**gone, "code": "500"}, ((660.0, 100.0),))])
    assert WEB not in now.units
    assert now.unmapped == 0


def test_no_request_in_the_newest_minute_is_no_error() -> None:
    """What failed minutes ago is over, though the window still has it."""
    tallies = Tallies(Units(shop()), by_time=True)
    family = metrics.FAMILIES[2]
    for at, failed in ((0.0, 50.0), (60.0, 0.0)):
        tallies.count(family, [Series({**POD, "code": "500"}, ((at, failed),))])
    assert noise(tallies)[WEB].error_minute == 0.0


@pytest.mark.parametrize(("count", "low"), [(1000.0, 0.5), (10.0, 0.0), (0.0, None)])
def test_the_newest_p99_is_known_between_bounds(count: float, low: float | None) -> None:
    """Of few requests the lower one is far below; older steps have no part in it."""
    tallies = Tallies(Units(shop()), by_time=True)
    family = metrics.FAMILIES[2]
    for at, requests in ((0.0, 5000.0), (60.0, count)):
        tallies.count(family, [Series({**POD, "code": "200"}, ((at, requests),))])
        steps = [Series({**POD, "le": le}, ((at, requests * part),)) for le, part in SHARES.items()]
        tallies.durations(family, steps)
    found = noise(tallies)[WEB]
    assert found.p99_minute_low_s == low
    assert (found.p99_minute is None) == (low is None)


def test_the_bounds_of_the_window_and_of_the_newest_minute_are_read() -> None:
    """Of ten requests and of a thousand."""
    with answering(History(names=(*NAMES, DURATIONS))) as url:
        source = PrometheusSource(NOWHERE, url)
        source.count_since(None, noise=True)
        found = traffic(source.read(shop()))[WEB]
    assert (found.p99_low_s, found.p99_minute_low_s) == (0.0, 0.5)


def test_a_prometheus_that_does_not_tell_its_history_leaves_the_least_noise() -> None:
    """The traffic is still there, and it is no gap."""
    with answering(History(refuses=("query_range", "config", "rules"))) as url:
        source = PrometheusSource(NOWHERE, url)
        source.count_since(None, noise=True)
        snap = source.read(shop())
    found = traffic(snap)[WEB]
    assert (found.error_rate, found.error_mad, found.error_minute) == (0.1, None, None)
    assert (snap.gaps, snap.signals.rules, snap.signals.scrape_s) == ((), (), None)


@pytest.mark.parametrize(("after_s", "window"), [(7.9, "[7s]"), (600.0, "[600s]"), (0.4, None)])
def test_a_window_starts_at_the_moment_and_never_before(after_s: float, window: str | None) -> None:
    """Whole seconds, rounded down; none at all in the first second."""
    history = History()
    with answering(history) as url:
        source = PrometheusSource(NOWHERE, url)
        source.count_since(shop().taken_at - timedelta(seconds=after_s))
        snap = source.read(shop())
    asked = (query.get("query", "") for _, query in history.asked)
    counted = [text for text in asked if "increase(http" in text]
    assert [window in text for text in counted] == ([True] if window else [])  # type: ignore[operator]
    assert Ref("Deployment", "shop", "web") in traffic(snap) or window is None
    assert snap.gaps == ()


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("up == 0", 0),
        ('rate(x{path="[9h]"}[5m]) > 0.1', 300),
        ("rate(x[5m]) / rate(y[1h30m])", 5400),
        ("max_over_time(rate(x[5m])[30m:1m])", 2100),
        ("rate(x[5m] offset 1h)", 3900),
        ("job:slo_errors:ratio_rate5m > 1", None),
        ("rate(job:requests:sum[5m])", None),
        ('{job="a:b"} > 1', 0),
    ],
)
def test_how_far_an_expression_looks_back(text: str, back: float | None) -> None:
    """Nothing is said of one that rests on recorded series."""
    assert look_back_s(text) == back


def test_of_two_alerts_with_one_name_the_longer_look_back_counts() -> None:
    """And one that is not known makes the name unknown."""
    short, long = Rule("A", "rate(x[5m])", "alerting", 60), Rule("A", "rate(x[1h])", "alerting")
    recorded = Rule("B", "a:b", "alerting")
    rules = list(alert_rules([Group(0, [short, long, Rule("B", "x", "alerting"), recorded])]))
    assert [(rule.name, rule.look_back_s, rule.interval_s) for rule in rules] == [("A", 3600, 60)]


@given(st.text(max_size=60))
def test_hostile_expressions_do_no_harm(text: str) -> None:
    """A number or nothing."""
    found = look_back_s(text)
    assert found is None or found >= 0
    assert seconds(text) >= 0


@given(st.lists(st.floats(0, 1), min_size=5, max_size=40))
def test_one_outlier_does_not_widen_the_noise_of_a_calm_unit(values: list[float]) -> None:
    """A deviation is within the spread, and 0 where more than half are equal."""
    found = deviation(values)
    assert found is not None
    assert 0 <= found <= max(values) - min(values)
    assert deviation([0.5] * (len(values) + 1) + values) == 0
    assert deviation(values[:4]) is None


def test_a_real_prometheus_tells_intervals_rules_and_history(tmp_path: Path) -> None:
    """The forms of its answers are what is read here; a window holds nothing from before it."""
    scrapes = iter(range(1, 10_000))

    def exposed(path: str, query: dict[str, str], headers: Mapping[str, str]) -> Answer:
        n = next(scrapes)
        lines = (f'http_requests_total{{code="{code}"}} {30 * n}' for code in (200, 500))
        return 200, ("\n".join(lines) + "\n").encode()

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    rule = {"alert": "Burns", "expr": "sum(rate(http_requests_total[5m])) < 0", "for": "2m"}
    with answering(exposed) as target:
        static = {"targets": [target.removeprefix("http://")], "labels": POD}
        scrape = {"job_name": "shop", "scrape_interval": "200ms", "static_configs": [static]}
        times = {"scrape_interval": "7s", "evaluation_interval": "9s", "scrape_timeout": "200ms"}
        config = {"global": times, "scrape_configs": [scrape], "rule_files": ["rules.yml"]}
        groups = [{"name": "shop", "rules": [rule]}]
        (tmp_path / "p.yml").write_text(json.dumps(config))
        (tmp_path / "rules.yml").write_text(json.dumps({"groups": groups}))
        arguments = (
            f"--config.file={tmp_path / 'p.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        with program("prometheus", tmp_path, f"{url}/-/ready", *arguments):
            source = PrometheusSource(NOWHERE, url, window_s=60)
            source.count_since(None, noise=True)

            def read() -> Snapshot:
                return source.read(replace(shop(), taken_at=datetime.now(UTC)))

            eventually(lambda: (traffic(read()).get(WEB, NONE).requests or 0) > 60, 20)
            eventually(lambda: traffic(read())[WEB].error_minute is not None, 20)
            eventually(lambda: bool(read().signals.rules), 20)
            snap = read()
            source.count_since(datetime.now(UTC))
            assert traffic(read()).get(WEB) is None
            eventually(lambda: (traffic(read()).get(WEB, NONE).requests or 0) > 0, 20)
            later = traffic(read())[WEB]
    assert snap.signals.scrape_s == 7.0
    (known,) = snap.signals.rules
    assert (known.name, known.look_back_s, known.interval_s) == ("Burns", 420.0, 9.0)
    assert traffic(snap)[WEB].error_minute == pytest.approx(0.5)
    assert later.window_s < 60
