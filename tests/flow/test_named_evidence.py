"""Evidence newer than the write: what a commit waits for, and what it does not take for harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.model.entry import Baseline
from stratus_cli.model.health import TransactionState
from tests.flow.monitoring import Load, Monitoring
from tests.flow.stand import Stand
from tests.flow.test_named_gate import DOWN, LONG_S, execute, once
from tests.flow.worlds import NEVER_PUSHED, Item, app, broken_image, set_box, world

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
CALLER = app("catalog", env={"UPSTREAMS": "cart:80"})


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Stand, Monitoring]:
    """The broken cart, which catalog calls; an hour of its requests."""
    stand = Stand.make(tmp_path, broken_image(*CALLER, *app("blog")))
    monitoring = Monitoring(stand)
    monitoring.serves("cart", DOWN, ago_s=LONG_S)
    return stand, monitoring


def test_a_commit_waits_for_requests_of_what_the_change_reaches(
    shop: tuple[Stand, Monitoring],
) -> None:
    """Two scrapes, and no longer."""
    stand, monitoring = shop
    monitoring.serves("catalog", Load(10), ago_s=LONG_S)
    plan = stand.plan()
    stand.cluster.after_write = once(lambda: monitoring.serves("cart", Load(10)))
    done, _ = execute(stand, plan, monitoring)
    assert done.state is COMMITTED, done.why
    assert 15 < done.waited_s < 60
    assert any("20 requests since the change" in line for line in stand.progress.said)


@pytest.mark.parametrize("rps", [0.0, 0.01, 0.3])
def test_a_quiet_unit_is_not_waited_for(shop: tuple[Stand, Monitoring], rps: float) -> None:
    """No traffic, or so little that 20 requests take minutes: readiness decides."""
    stand, monitoring = shop
    monitoring.loads.clear()
    monitoring.serves("catalog", Load(rps), ago_s=LONG_S)
    done, _ = execute(stand, stand.plan(), monitoring)
    assert done.state is COMMITTED, done.why
    assert done.waited_s < 15


def test_traffic_that_ends_with_the_change_does_not_hold_it_up_for_ever(
    shop: tuple[Stand, Monitoring],
) -> None:
    """After as long as it took before, and two scrapes, it is "no traffic"."""
    stand, monitoring = shop
    monitoring.serves("catalog", Load(10), ago_s=LONG_S)
    plan = stand.plan()
    stand.cluster.after_write = once(lambda: monitoring.serves("catalog", Load(0)))
    done, _ = execute(stand, plan, monitoring)
    assert done.state is COMMITTED, done.why
    assert done.waited_s < 60


def test_errors_during_the_rollout_alone_do_not_undo_a_right_fix(tmp_path: Path) -> None:
    """The window begins anew when it has converged; a short loss is no harm event."""
    at_once: Item = {"strategy": {"type": "Recreate"}}
    cart = app("cart", env={"START_DELAY_S": "25"}, spec=at_once)
    stand = Stand.make(
        tmp_path, world([*cart, *CALLER], [set_box("cart", 60, image=NEVER_PUSHED)], settle=120)
    )
    monitoring = Monitoring(stand, scrape_s=5)
    monitoring.serves("catalog", Load(10), ago_s=LONG_S)
    plan = stand.plan()

    def trade() -> None:
        monitoring.serves("catalog", Load(10, errors=0.9))
        monitoring.serves("catalog", Load(10), ago_s=-22)

    stand.cluster.after_write = once(trade)
    done, _ = execute(stand, plan, monitoring)
    assert done.state is COMMITTED, done.why


def test_what_varies_by_itself_is_no_harm(shop: tuple[Stand, Monitoring]) -> None:
    """Errors between 0 and 30 % from minute to minute: 35 % is noise there, and nowhere else."""
    stand, monitoring = shop
    for minute in range(60, 0, -1):
        noisy = Load(10, errors=0.3 * (minute % 2))
        monitoring.serves("catalog", noisy, ago_s=60.0 * minute)
    plan = stand.plan()
    stand.cluster.after_write = once(lambda: monitoring.serves("catalog", Load(10, errors=0.35)))
    done, _ = execute(stand, plan, monitoring)
    assert done.state is COMMITTED, done.why
    with stand.ports() as ports:
        assert ports.journal is not None
        (before,) = [item for item in ports.journal.entries() if isinstance(item, Baseline)]
    units = {unit["ref"]: unit for unit in before.health["samples"][-1]["units"]}
    assert units["shop/Service/catalog"]["error_mad"] == pytest.approx(0.15)


def test_the_alerts_of_the_baseline_are_journaled(shop: tuple[Stand, Monitoring]) -> None:
    """Those that name a unit, and those that name none."""
    stand, monitoring = shop
    monitoring.fires("CartDown", ago_s=50, deployment="cart")
    monitoring.fires("ClusterSlow", ago_s=50, namespace="shop")
    execute(stand, stand.plan(), monitoring)
    with stand.ports() as ports:
        assert ports.journal is not None
        (before,) = [item for item in ports.journal.entries() if isinstance(item, Baseline)]
    assert [alert["name"] for alert in before.health["alerts"]] == ["CartDown", "ClusterSlow"]


@pytest.mark.parametrize("unit", ["catalog", "blog"])
def test_slow_for_a_moment_after_the_rollout_does_not_undo_a_right_fix(
    shop: tuple[Stand, Monitoring], unit: str
) -> None:
    """Cold caches: a loss of latency alone must show in a second window, too."""
    stand, monitoring = shop
    monitoring.serves(unit, Load(10, seconds=0.01), ago_s=LONG_S)
    plan = stand.plan()

    def warm_up() -> None:
        monitoring.serves(unit, Load(10, seconds=0.8))
        monitoring.serves(unit, Load(10, seconds=0.01), ago_s=-40)

    stand.cluster.after_write = once(warm_up)
    done, _ = execute(stand, plan, monitoring)
    assert done.state is COMMITTED, done.why


@pytest.mark.parametrize(("unit", "reached"), [("catalog", True), ("blog", False)])
def test_slower_for_good_is_undone(
    shop: tuple[Stand, Monitoring], unit: str, reached: bool
) -> None:
    """Near: after two windows. What the change does not reach is waited for until time is up."""
    stand, monitoring = shop
    monitoring.serves(unit, Load(10, seconds=0.01), ago_s=LONG_S)
    plan = stand.plan()
    stand.cluster.after_write = once(lambda: monitoring.serves(unit, Load(10, seconds=0.8)))
    done, _ = execute(stand, plan, monitoring)
    assert done.state is UNDONE
    assert "p99" in done.why
    assert (done.waited_s < 120) is reached
