"""What the journal has that can be taken back: transactions, and which of their steps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratus_cli.flow.inverse import Written, paired
from stratus_cli.flow.way_back import way_back
from stratus_cli.journal.replay import RecordedTransaction
from stratus_cli.model.errors import UsageError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class Selector:
    """Which transactions: one by id (its first characters do), the last one, or an incident's."""

    tx: str = ""
    last: bool = False
    incident: str = ""


def selected(
    recorded: Sequence[RecordedTransaction], which: Selector
) -> tuple[RecordedTransaction, ...]:
    """The transactions to take back, newest first. UsageError when there is none."""
    if which.tx:
        return (_one(recorded, which.tx),)
    undoable = [tx for tx in recorded if _has_steps_left(tx, recorded)]
    if which.incident:
        found = [
            tx
            for tx in undoable
            if tx.kind == "mitigate" and tx.incident.startswith(which.incident)
        ]
    else:
        # Not an undo: whoever says it twice wants to go further back, not to and fro.
        found = [tx for tx in undoable if tx.kind == "mitigate"][-1:]
    if not found:
        raise UsageError(
            "the journal has nothing that can be taken back",
            which.incident and f"incident {which.incident}",
            "See: stratus journal list",
        )
    return tuple(reversed(found))


def written_by(recorded: RecordedTransaction, only: tuple[int, ...] = ()) -> tuple[Written, ...]:
    """What the transaction wrote, in the order of flow.way_back; only: these steps of it."""
    dones = {done.step: done for done in recorded.dones if not done.rollback}
    items = [
        Written(
            intent.step,
            intent.ref,
            intent.before,
            dones[intent.step].answer,
            intent.kubectl,
            dones[intent.step].uid,
            owners=intent.owners,
        )
        for intent in recorded.applied
    ]
    unknown = [number for number in only if number not in {item.number for item in items}]
    if unknown:
        raise UsageError(
            f"the transaction has no step {unknown[0]}",
            recorded.id,
            f"See: stratus journal show {recorded.id}",
        )
    return way_back(paired([item for item in items if not only or item.number in only]))


def steps_taken_back(
    tx: str, recorded: Sequence[RecordedTransaction], above: frozenset[str] = frozenset()
) -> frozenset[int]:
    """Numbers of the steps that committed undos took back and that are not in force again.

    An undo may be of some steps only, and may itself be undone in part.
    """
    back: set[int] = set()
    above |= {tx}
    for other in recorded:  # a forged circle counts as none
        if other.undoes != tx or other.id in above or not _is_committed(other):
            continue
        back |= _steps_of_undo(other) - steps_taken_back(other.id, recorded, above)
    return frozenset(back)


def needing_human(recorded: Sequence[RecordedTransaction]) -> dict[Ref, str]:
    """Objects that a transaction could not restore and nobody accepted as they are -> its id."""
    return {
        intent.ref: tx.id
        for tx in recorded
        if tx.state is TransactionState.NEEDS_HUMAN and not tx.accepted
        for intent in tx.intents
    }


def _steps_of_undo(undo: RecordedTransaction) -> frozenset[int]:
    """Also those that it found as before already, and so did not write."""
    named = undo.plan.get("steps")
    numbers = named if isinstance(named, list | tuple) else [item.step for item in undo.applied]
    return frozenset(number for number in numbers if isinstance(number, int))


def _has_steps_left(tx: RecordedTransaction, recorded: Sequence[RecordedTransaction]) -> bool:
    numbers = {intent.step for intent in tx.applied}
    return _is_committed(tx) and bool(numbers - steps_taken_back(tx.id, recorded))


def _is_committed(tx: RecordedTransaction) -> bool:
    return tx.state is TransactionState.COMMITTED


def _one(recorded: Sequence[RecordedTransaction], prefix: str) -> RecordedTransaction:
    matching = [tx for tx in recorded if tx.id.startswith(prefix)]
    if len(matching) == 1:
        return matching[0]
    what = "several transactions start so" if matching else "the journal has no such transaction"
    raise UsageError(what, prefix, "See: stratus journal list")
