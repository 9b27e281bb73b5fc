"""Journal entries and transactions for a person."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stratus_cli.flow.undoable import steps_taken_back
from stratus_cli.kube.by_hand import inverse_of
from stratus_cli.model.change import Change
from stratus_cli.model.health import TransactionState
from stratus_cli.render.page import Page
from stratus_cli.render.plan_text import change_lines
from stratus_cli.render.safe import clean, count
from stratus_cli.render.transaction_text import STYLE

if TYPE_CHECKING:
    from stratus_cli.journal.replay import RecordedTransaction


def list_page(transactions: Sequence[RecordedTransaction], path: str) -> Page:
    """One line per transaction, newest first."""
    page = Page()
    still_open = sum(1 for tx in transactions if tx.state is None)
    tail = f", {still_open} OPEN: stratus recover" if still_open else ""
    page.line((f"{count(len(transactions), 'transaction')}{tail}", "bold"))
    page.line((clean(path), "dim"))
    for tx in reversed(transactions):
        state, style = _state(tx.state)
        undone = _undone(tx, steps_taken_back(tx.id, transactions))
        page.line(
            f"{clean(tx.id)}  {tx.at:%Y-%m-%d %H:%M}  ",
            (f"{state:<11}", style),
            f"  {tx.kind:<8}  {clean(tx.title)}{undone}",
        )
    return page


def _undone(tx: RecordedTransaction, back: frozenset[int]) -> str:
    """By which transaction it was taken back, and which part of it."""
    if not back:
        return ""
    left = {intent.step for intent in tx.applied} - back
    part = f"step {', '.join(map(str, sorted(back)))} " if left else ""
    return f"  {part}undone by {clean(tx.undone_by)}"


def transaction_history(
    tx: RecordedTransaction, journal: str, back: frozenset[int] = frozenset()
) -> Page:
    """Everything the journal knows of one transaction: writes, diffs, inverses, verdict.

    back: the numbers of its steps that were taken back and are not in force again.
    """
    page = Page()
    state, style = _state(tx.state)
    page.line((state, style), f"  {clean(tx.title)}  [{clean(tx.id)}]")
    page.field("kind", f"{tx.kind}{f' of {tx.undoes}' if tx.undoes else ''}")
    page.field("incident", clean(tx.incident or "-"))
    page.field("by", f"{clean(tx.who)} at {tx.at:%Y-%m-%d %H:%M:%S} UTC")
    dones = {(done.step, done.rollback) for done in tx.dones}
    for intent in tx.intents:
        change = Change(intent.ref, intent.before, intent.after)
        made = "" if (intent.step, intent.rollback) in dones else "  NOT KNOWN TO BE APPLIED"
        word = "put back" if intent.rollback else "wrote"
        page.line(f"{word} {intent.step}. {clean(intent.kubectl)}", (made, "bold red"), indent=3)
        for line in change_lines(change):
            page.line((line, {"+": "green", "-": "red"}.get(line[:1], "")), indent=6)
        page.line(("inverse: ", "dim"), inverse_of(change), indent=6)
    if tx.why:
        page.field("why", clean(tx.why))
    page.add(_next(tx, journal, back))
    return page


def _next(tx: RecordedTransaction, journal: str, back: frozenset[int]) -> Page:
    """What can be done with it now."""
    page = Page()
    here = f" --journal {shlex.quote(journal)}" if journal else ""
    if back:
        page.field("undone", _undone(tx, back).strip())
        page.field("next", f"to do it again: stratus undo {clean(tx.undone_by)}{here}")
    if tx.state is TransactionState.COMMITTED and {item.step for item in tx.applied} - back:
        page.line(("undo: ", "dim"), f"stratus undo {clean(tx.id)}{here}", indent=3)
    elif tx.state is None:
        page.field("next", f"stratus recover --rollback{here}   (or --finish)")
    elif tx.state is TransactionState.NEEDS_HUMAN and tx.accepted:
        page.field("accepted", "a person said that it is well as it is")
    elif tx.state is TransactionState.NEEDS_HUMAN:
        accept = f"stratus recover --accept {clean(tx.id)}{here}"
        page.field("next", f"put the fields above right, then: {accept}")
    return page


def _state(state: TransactionState | None) -> tuple[str, str]:
    return ("OPEN", "bold red") if state is None else (state.value, STYLE[state])
