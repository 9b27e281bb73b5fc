"""What the records say."""

from __future__ import annotations

from datetime import timedelta

from stratus_cli.journal.replay import transactions
from stratus_cli.model.entry import Accepted, Begin, Done, Entry, Failed, Intent
from stratus_cli.model.health import TransactionState
from tests.journal.samples import AT, CART, NEW, OLD, transaction

COMMITTED, NEEDS_HUMAN = TransactionState.COMMITTED, TransactionState.NEEDS_HUMAN


def test_a_closed_transaction() -> None:
    """Its state, its reason, its writes."""
    (tx,) = transactions(transaction())
    assert (tx.id, tx.state, tx.why, tx.writes) == ("tx-1", COMMITTED, "better", 1)
    assert [intent.step for intent in tx.applied] == [1]
    assert tx.last_at == AT + timedelta(seconds=9)
    assert len(tx.verdicts) == 1


def test_an_open_transaction() -> None:
    """Without an end its state is None, and its writes are those that were answered."""
    (tx,) = transactions(transaction(state=None))
    assert tx.state is None
    assert tx.writes == 1


def test_what_was_put_back_is_not_applied() -> None:
    """A roll-back's answer takes its step off the list."""
    (tx,) = transactions(transaction(rolled_back=True, state=TransactionState.UNDONE))
    assert tx.applied == ()
    assert len(tx.intents) == 2


def test_a_step_tried_again_counts_once() -> None:
    """After a conflict only the last try says what was before, and whether its fate is known."""
    other = {**OLD, "metadata": {"name": "cart", "labels": {"by": "somebody"}}}
    entries: list[Entry] = [
        transaction()[0],
        Intent("tx-1", AT, 1, CART, OLD, NEW, "kubectl"),
        Failed("tx-1", AT, 1, "conflict", False),
        Intent("tx-1", AT, 1, CART, other, NEW, "kubectl"),
    ]
    (tx,) = transactions(entries)
    assert tx.failures == ()
    assert [intent.before for intent in tx.intents] == [other]
    (tx,) = transactions([*entries, Done("tx-1", AT, 1, "u", NEW)])
    assert [intent.before for intent in tx.applied] == [other]


def test_an_undo_marks_what_it_took_back() -> None:
    """Only a committed one; and an undo that was undone itself puts the first one in force."""
    first, undo, redo = transaction("a"), transaction("b", undoes="a"), transaction("c", undoes="b")
    assert [tx.undone_by for tx in transactions([*first, *undo])] == ["b", ""]
    assert [tx.undone_by for tx in transactions([*first, *undo, *redo])] == ["", "c", ""]
    failed = transaction("b", undoes="a", state=TransactionState.UNDONE)
    assert [tx.undone_by for tx in transactions([*first, *failed])] == ["", ""]
    again = transaction("d", undoes="a")
    found = {tx.id: tx.undone_by for tx in transactions([*first, *undo, *redo, *again])}
    assert found["a"] == "d"


def test_transactions_that_undo_one_another_end() -> None:
    """A forged circle is no endless loop."""
    entries = [*transaction("a", undoes="b"), *transaction("b", undoes="a")]
    assert len(transactions(entries)) == 2


def test_acceptance_closes_a_needs_human() -> None:
    """The state stays; that a person took it as it is, is said beside."""
    entries = [*transaction(state=NEEDS_HUMAN), Accepted("tx-1", AT, "bob")]
    (tx,) = transactions(entries)
    assert (tx.state, tx.accepted) == (NEEDS_HUMAN, True)


def test_records_without_their_begin_are_left_out() -> None:
    """Nothing can be said about them."""
    assert transactions(transaction()[1:]) == ()


def test_an_id_used_twice_keeps_the_first_begin() -> None:
    """A second Begin of one id opens nothing."""
    begin = transaction()[0]
    assert isinstance(begin, Begin)
    assert len(transactions([begin, begin])) == 1
