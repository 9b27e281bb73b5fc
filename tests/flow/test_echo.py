"""After a commit, what telemetry tells of the time before it is not taken for a new incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stratus_cli.flow.echo import alerts_left_out, logs_since, without_echo
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, LogTail, Signals, Snapshot, Traffic
from tests.cases.loader import snapshot_of
from tests.flow.stand import Stand
from tests.flow.worlds import app, broken_image

KEPT_AT = datetime(2026, 11, 24, 11, 59, tzinfo=UTC)
BEFORE, AFTER = KEPT_AT - timedelta(seconds=30), KEPT_AT + timedelta(seconds=5)
WEB = Ref("Deployment", "shop", "web")
FAR = Ref("Deployment", "shop", "far")
POD = Ref("Pod", "shop", "web-7d4b9c-aaaaa")


def seen() -> Snapshot:
    """A healthy shop whose telemetry tells of a moment ago."""
    snap = snapshot_of({"given": ["shop-healthy.yaml"]})
    tail = LogTail(POD, "web", False, ("it failed", "it works"), (BEFORE, AFTER))
    old = Alert("Errors", {"namespace": "shop", "deployment": "web"}, BEFORE)
    new = replace(old, name="New", starts_at=AFTER)
    far = replace(old, name="Far", labels={"namespace": "shop", "deployment": "far"})
    traffic = tuple(Traffic(ref, 300.0, 1000.0, 0.5, None, KEPT_AT) for ref in (WEB, FAR))
    signals = Signals(alerts=(old, new, far), traffic=traffic, logs=(tail,))
    return replace(snap, signals=signals)


def test_of_the_changed_units_only_what_came_after_counts(tmp_path: Path) -> None:
    """The others keep their alerts, rates and lines."""
    stand = Stand.make(tmp_path, broken_image(*app("blog")))
    with stand.ports() as ports:
        signals = without_echo(ports, seen(), {WEB: KEPT_AT}).signals
        assert [alert.name for alert in signals.alerts] == ["New", "Far"]
        assert [item.ref for item in signals.traffic] == [FAR]  # and what a source counts anew
        assert [tail.lines for tail in signals.logs] == [("it works",)]
        assert without_echo(ports, seen(), {}) == seen()
        other = without_echo(ports, seen(), {FAR: KEPT_AT}).signals
    assert [alert.name for alert in other.alerts] == ["Errors", "New"]
    assert [tail.lines for tail in other.logs] == [("it failed", "it works")]


class Silent:
    """A Prometheus that answered before and does not now."""

    name = "prometheus"

    def count_since(self, moment: datetime | None, *, noise: bool = False) -> None:
        """Nothing."""

    def read(self, snap: Snapshot) -> Snapshot:
        """It broke off."""
        raise OSError("connection reset")


def test_what_cannot_be_counted_anew_is_a_gap(tmp_path: Path) -> None:
    """No traffic is seen then; it is not taken for a well one."""
    stand = Stand.make(tmp_path, broken_image(*app("blog")))
    with stand.ports() as ports:
        found = without_echo(replace(ports, sources=(Silent(),)), seen(), {WEB: KEPT_AT})
    assert [gap.subject for gap in found.gaps] == ["prometheus"]


def test_alerts_that_are_not_counted_are_named(tmp_path: Path) -> None:
    """Whoever looks next sees them fire."""
    stand = Stand.make(tmp_path, broken_image(*app("blog")))
    whole = seen()
    with stand.ports() as ports:
        (said,) = alerts_left_out(whole, without_echo(ports, whole, {WEB: KEPT_AT}))
    assert said.endswith("alerts Errors")
    assert alerts_left_out(whole, whole) == ()


def test_while_a_change_is_judged_no_older_line_counts() -> None:
    """Lines without times cannot be told apart, and stay."""
    snap = seen()
    assert [tail.lines for tail in logs_since(snap, KEPT_AT).signals.logs] == [("it works",)]
    untimed = replace(snap.signals.logs[0], times=())
    bare = replace(snap, signals=replace(snap.signals, logs=(untimed,)))
    assert logs_since(bare, KEPT_AT) == bare
