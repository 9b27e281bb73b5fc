"""A reviewed plan has the same watch after its commit as a run has."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.cli.exits import exit_code
from stratus_cli.flow.reviewed import execute_reviewed
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Limits
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import Report
from tests.flow.stand import SHOP, Silent, Stand
from tests.flow.worlds import broken_image

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE


class Meanwhile(Silent):
    """Somebody scales the repaired workload down a while after the commit."""

    stand: Stand

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        super().waiting(what, elapsed_s, limit_s)
        if what.startswith("nothing to get worse") and elapsed_s >= 10:
            item = self.stand.twin.get(Ref("Deployment", "shop", "cart", "apps/v1"))
            assert item is not None
            if item["spec"]["replicas"] == 2:
                item["spec"]["replicas"] = 1
                self.stand.twin.replace(item)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand.make(tmp_path, broken_image(replicas=2))


def execute(stand: Stand, plan: Plan) -> Report:
    with stand.ports() as ports:
        return execute_reviewed(plan, ports, SHOP)


def test_a_commit_that_holds_is_kept_and_timed(stand: Stand) -> None:
    stand.limits = Limits(watch_s=30.0)
    report = execute(stand, stand.plan())
    assert [tx.state for tx in report.transactions] == [COMMITTED]
    assert report.timing.mitigate_s == report.transactions[0].waited_s
    assert any("nothing to get worse" in text for text in stand.progress.said)
    assert exit_code(report) == 0


def test_a_late_regression_is_undone(stand: Stand) -> None:
    stand.limits = Limits(watch_s=60.0)
    before = stand.spec()
    assert isinstance(before, dict)
    plan = stand.plan()
    progress = Meanwhile()
    progress.stand = stand
    stand.progress = progress
    report = execute(stand, plan)
    assert [tx.state for tx in report.transactions] == [UNDONE, COMMITTED]
    assert report.transactions[1].id in report.transactions[0].why
    after = stand.spec()
    assert isinstance(after, dict)
    assert after["spec"]["template"] == before["spec"]["template"]
    assert any("regressed after the commit" in entry.what for entry in report.timeline)
    assert exit_code(report) == 5


def test_without_a_watch_the_commit_stands(stand: Stand) -> None:
    report = execute(stand, stand.plan())
    assert [tx.state for tx in report.transactions] == [COMMITTED]
    assert not any("nothing to get worse" in text for text in stand.progress.said)
