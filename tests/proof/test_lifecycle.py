"""The lifecycle of the actions whose turn it is today, on the twin; `make proof` runs all.

On the real cluster: tests/e2e/test_lifecycle.py.
"""

from __future__ import annotations

import pytest

from tests.proof.entry import Entry
from tests.proof.prove import on_twin, prove
from tests.proof.table import table, todays
from tests.proof.turn import today

TODAY = todays(today())


@pytest.mark.parametrize("entry", TODAY, ids=lambda entry: entry.name)
def test_do_undo_do_undo(entry: Entry) -> None:
    """Each undo brings everything back but what others wrote meanwhile."""
    tally = prove(entry, on_twin)
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.equal == tally.undos


def test_every_entry_has_its_turn() -> None:
    """Within a year, and the names differ."""
    names = {entry.name for entry in table()}
    assert len(names) == len(table())
    turns = {entry.name for day in range(1, 366) for entry in todays(day)}
    assert turns == names
