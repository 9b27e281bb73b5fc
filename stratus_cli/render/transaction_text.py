"""How a transaction ended, for a person: the state, why, and how to take it back."""

from __future__ import annotations

import shlex

from stratus_cli.model.change import Reversibility
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.report import TransactionReport
from stratus_cli.render.page import Page
from stratus_cli.render.safe import clean, count, seconds

STYLE = {
    TransactionState.COMMITTED: "bold green",
    TransactionState.UNDONE: "bold yellow",
    TransactionState.BLOCKED: "bold yellow",
    TransactionState.NEEDS_HUMAN: "bold red",
}
MEANS = {
    TransactionState.COMMITTED: "kept",
    TransactionState.UNDONE: "everything written was put back and read again",
    TransactionState.BLOCKED: "nothing was written",
    TransactionState.NEEDS_HUMAN: "not everything could be put back",
}


def transaction_page(tx: TransactionReport, *, journal: str) -> Page:
    """One transaction: state, why, what was not restored, the next command."""
    page = Page()
    if tx.open:
        page.line(
            ("OPEN", "bold red"), f"  {clean(tx.id)}  left open after {count(tx.writes, 'write')}"
        )
        if tx.why:
            page.field("why", clean(tx.why))
        recover = f"stratus recover --rollback{_journal(journal)}"
        page.field("next", (recover, "bold"), "   (or --finish)")
        return page
    waited = f", waited {seconds(tx.waited_s)}" if tx.waited_s else ""
    page.line(
        (tx.state.value, STYLE[tx.state]),
        f"  {clean(tx.id)}  {MEANS[tx.state]} ({count(tx.writes, 'write')}{waited})",
    )
    if tx.why:
        page.field("why", clean(tx.why))
    for difference in tx.unrestored:
        page.field("left", (clean(difference), "red"))
    if tx.plan is not None and is_for_good(tx.plan):
        page.line(("undo: ", "dim"), "none: what was deleted is gone for good", indent=3)
    elif tx.state is TransactionState.COMMITTED:
        page.line(("undo: ", "dim"), undo_line(tx.id, journal), indent=3)
    if tx.state is TransactionState.NEEDS_HUMAN:
        accept = f"stratus recover --accept {tx.id}{_journal(journal)}"
        page.field("next", f"put the fields above right, then: {accept}")
    return page


def is_for_good(plan: Plan) -> bool:
    """Whether nothing takes this plan back."""
    return any(step.change.reversibility is Reversibility.IRREVERSIBLE for step in plan.steps)


def undo_line(tx: str, journal: str) -> str:
    """The command that takes a committed transaction back, from any folder."""
    return f"stratus undo {tx}{_journal(journal)}"


def _journal(journal: str) -> str:
    return f" --journal {shlex.quote(journal)}" if journal else ""
