"""After a commit: watch it, and take back what gets worse late by a new transaction.

A commit is final, so the late undo is a transaction of its own; both are in the report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stratus_cli.flow.gate import Observe, reserve_s
from stratus_cli.flow.mitigate import watch_after
from stratus_cli.flow.transaction import journal_of
from stratus_cli.flow.undo import Selector, selected, take_back, written_by
from stratus_cli.journal.replay import transactions
from stratus_cli.model.errors import StratusError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Ports
from stratus_cli.model.report import TransactionReport


@dataclass(frozen=True)
class Late:
    """What became of a commit. reasons: why it is worse by now, () when it holds.

    undone: the transaction that took it back. failed: why none could.
    """

    reasons: tuple[str, ...] = ()
    undone: TransactionReport | None = None
    failed: str = ""

    @property
    def is_undone(self) -> bool:
        """Whether everything is as before the commit."""
        by = self.undone
        return by is not None and by.state is TransactionState.COMMITTED and not by.open

    def of(self, tx: TransactionReport) -> TransactionReport:
        """The watched transaction as the report shows it after that."""
        if self.undone is None or not self.is_undone:
            return tx
        why = f"late regression, taken back by {self.undone.id}: {'; '.join(self.reasons)}"
        return replace(tx, state=TransactionState.UNDONE, why=why)


def watch_commit(
    tx: TransactionReport, plan: Plan, ports: Ports, observe: Observe, left_s: float
) -> Late:
    """Watch a commit for as long as is asked and as the budget leaves a way back.

    left_s: what is left of the budget.
    """
    spare = max(left_s - reserve_s(ports.limits), 0.0)
    reasons = watch_after(plan, ports, observe, min(ports.limits.watch_s, spare))
    if not reasons:
        return Late()
    try:
        recorded = selected(transactions(journal_of(ports).entries()), Selector(tx=tx.id))[0]
        items = written_by(recorded)
        undone = take_back(recorded, items, ports, observe, force=False, accept_loss=True)
    except StratusError as error:
        return Late(reasons, failed=f"the late regression was not undone: {error}")
    return Late(reasons, replace(undone, incident=""))
