"""New alerts: only what rests on nothing from before the change is news of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.health.alarm import alarms
from stratus_cli.model.health import Health
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, AlertRule, Signals
from tests.health.samples import AT, CART, WELL, graph, health, running, workload

RULE = AlertRule("Burns", 300.0, 30.0)
LABELS = {"namespace": "shop", "deployment": "cart"}


def counting(
    *alerts: Alert, before: Health | None = None, scrape_s: float | None = 15.0
) -> dict[Ref, tuple[str, ...]]:
    signals = Signals(alerts=alerts, rules=(RULE,), scrape_s=scrape_s)
    seen = graph(running(), signals=signals)
    found = alarms(seen, (before or health(WELL),), AT)
    return {Ref(ref.kind, ref.namespace, ref.name): names for ref, names in found.items()}


def burns(after_s: float, name: str = "Burns", **labels: str) -> Alert:
    """An alert that starts so many seconds after the write."""
    return Alert(name, {**LABELS, **labels}, AT + timedelta(seconds=after_s))


@pytest.mark.parametrize(
    ("after_s", "counts"), [(-600, False), (0, False), (344, False), (345, True)]
)
def test_its_look_back_and_a_scrape_and_an_evaluation_lie_after_the_write(
    after_s: float, counts: bool
) -> None:
    """Five minutes of range and `for`, 30 s of evaluation, 15 s of scrape."""
    assert counting(burns(after_s)) == ({CART: ("Burns",)} if counts else {})


def test_the_default_scrape_interval_is_prometheus_own() -> None:
    """A minute where the source does not say."""
    assert counting(burns(389), scrape_s=None) == {}
    assert counting(burns(390), scrape_s=None) == {CART: ("Burns",)}


def test_what_fired_before_never_counts() -> None:
    """Nor does an alert whose rule is not known, or one without a time."""
    fired = workload(CART, alerts=("Burns",))
    assert counting(burns(999), before=health(fired)) == {}
    assert counting(burns(999, "Unknown")) == {}
    naive = Alert("Burns", LABELS, datetime(2026, 1, 31, 13, 0))  # noqa: DTZ001  # hostile
    assert counting(naive, Alert("Burns", LABELS, None)) == {}


def test_it_counts_for_the_unit_that_its_labels_name() -> None:
    """A pod's for its workload; one that names nothing for nobody."""
    alert = Alert("Burns", {"namespace": "shop", "pod": "cart-1-0"}, AT + timedelta(hours=1))
    assert counting(alert) == {CART: ("Burns",)}
    assert counting(Alert("Burns", {}, AT + timedelta(hours=1))) == {}


@given(st.floats(-1e6, 1e6), st.floats(0, 1e5), st.floats(0, 1e4))
def test_one_that_may_rest_on_older_samples_never_counts(
    after_s: float, look_back_s: float, interval_s: float
) -> None:
    """Whatever its rule."""
    rule = AlertRule("Burns", look_back_s, interval_s)
    signals = Signals(alerts=(burns(after_s),), rules=(rule,), scrape_s=0.0)
    found = alarms(graph(running(), signals=signals), (health(WELL),), AT)
    started = timedelta(seconds=after_s).total_seconds()
    assert bool(found) == (started >= look_back_s + interval_s)
