"""What these tests share: a repair by hand, its undo, and sources of telemetry that are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import Report, TransactionReport
from stratus_cli.model.snapshot import Alert, Gap, GapReason, Snapshot
from tests.flow.small import CART, get
from tests.flow.stand import Stand

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
BLOCKED, NEEDS_HUMAN = TransactionState.BLOCKED, TransactionState.NEEDS_HUMAN
FIX = "kubectl -n shop set image deployment/cart app=stratus/app:1"
BREAK_WEB = "kubectl -n shop set image deployment/web app=stratus/app:never"
LABEL = "kubectl -n shop label configmap/settings a=1"
NOTE = "kubectl -n shop annotate configmap/settings b=1"
SINCE = datetime.fromisoformat("2026-11-24T09:00:40+00:00")
EVERYWHERE = ScopeRequest(())


@dataclass
class Told:
    """A source of telemetry: it says this, and answers so often."""

    name: str = "alertmanager"
    alerts: tuple[Alert, ...] = ()
    answers: int = 10**9

    def read(self, snap: Snapshot) -> Snapshot:
        """Its answer, or a gap."""
        self.answers -= 1
        if self.answers < 0:
            gap = Gap(self.name, GapReason.TIMED_OUT, "no answer")
            return replace(snap, gaps=(*snap.gaps, gap))
        return replace(snap, signals=replace(snap.signals, alerts=self.alerts))


def repair(stand: Stand, *lines: str, sources: tuple[Told, ...] = ()) -> TransactionReport:
    """One transaction of these lines for cart's incident; every namespace is watched."""
    plan = by_hand(stand, *lines)
    with stand.ports() as ports:
        using = replace(ports, sources=sources)
        return execute_plan(plan, using, lambda: observe(using, EVERYWHERE))


def by_hand(stand: Stand, *lines: str) -> Plan:
    """The plan of these lines for cart's incident."""
    seen = stand.look()
    (incident,) = (item for item in seen.incidents if item.roots[0].root == CART)
    made = plan_from_lines(lines, stand.reading(), seen.detection.graph, "shop", incident)
    assert made.plan is not None, made.refusal
    return made.plan


def take_back(stand: Stand, tx: str = "", **options: Any) -> Report:
    """Undo of the last mitigation, or of this transaction."""
    which = Selector(tx=tx, last=not tx)
    with stand.ports() as ports:
        return undo(ports, which, accept_loss=True, observe=stand.observe, **options)


def write(stand: Stand, ref: Ref, **fields: Mapping[str, Any]) -> None:
    """Somebody else sets top-level fields."""
    stand.twin.replace({**get(stand, ref), **fields})
