"""Lines through plan, transaction and undo on a twin; the tests' own idea of "as before"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Candidate
from stratus_cli.model.report import TransactionReport
from tests.fakes.faulty import FaultyCluster
from tests.flow.small import LIMITS, plain
from tests.flow.stand import Stand

Item = dict[str, Any]
PASSING = ("Pod", "ReplicaSet", "EndpointSlice", "Event", "Lease")
"""Kinds that controllers make and drop."""


def stand_of(folder: Path, world: str) -> Stand:
    """A stand on this world, with short waits."""
    twin = Twin(load_world(world))
    assert not twin.scene_failures
    return Stand(twin, FaultyCluster(twin), folder, limits=LIMITS)


def planned(stand: Stand, *lines: str) -> Candidate:
    """The plan of typed lines, or why there is none."""
    return plan_from_lines(lines, stand.reading(), Graph(stand.observe()), "shop")


def refused(stand: Stand, *lines: str) -> str:
    """Why there is no plan, and that nothing was written."""
    made = planned(stand, *lines)
    assert made.plan is None, made.plan
    assert made.refusal is not None
    assert stand.cluster.writes == 0
    return f"{made.refusal.check}: {made.refusal.reason}; {made.refusal.lift}"


def done(stand: Stand, *lines: str) -> TransactionReport:
    """Plan and transaction; committed."""
    made = planned(stand, *lines)
    assert made.plan is not None, made.refusal
    with stand.ports() as ports:
        report = execute_plan(made.plan, ports, stand.observe)
    assert report.state is TransactionState.COMMITTED, report.why
    return report


def undone(stand: Stand) -> None:
    """The newest transaction is taken back, and committed so."""
    with stand.ports() as ports:
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert [tx.state for tx in report.transactions] == [TransactionState.COMMITTED], report


def everything(stand: Stand) -> dict[str, Item]:
    """What people set, object by object."""
    return {
        f"{kind}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}": plain(item)
        for kind in BY_KIND
        if kind not in PASSING
        for item in stand.twin.peek(kind)
    }


def there_and_back(stand: Stand, *lines: str) -> dict[str, Item]:
    """Do, undo, do again: as before after the undo. What was made of the objects is returned."""
    before = everything(stand)
    done(stand, *lines)
    after = everything(stand)
    assert after != before
    undone(stand)
    assert everything(stand) == before
    done(stand, *lines)
    assert everything(stand) == after
    return after
