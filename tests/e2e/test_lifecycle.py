"""The lifecycle of the actions whose turn it is today, on the real cluster; `make proof` runs all.

On the twin: tests/proof/test_lifecycle.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.cluster.bed import Bed
from tests.proof.courses import Tally
from tests.proof.entry import Entry
from tests.proof.prove import on_real
from tests.proof.side_by_side import SideBySide
from tests.proof.table import todays
from tests.proof.turn import today

TODAY = todays(today())
LONGEST_S = 420.0


@pytest.fixture(scope="module")
def proved(bed: Bed) -> Iterator[Callable[[Entry], Tally]]:
    """What became of an entry; all of them begin at once."""
    with SideBySide(on_real(bed)) as running:
        begun = {entry.name: running.begin(entry) for entry in TODAY}
        yield lambda entry: begun[entry.name].result(timeout=LONGEST_S)


@pytest.mark.parametrize("entry", TODAY, ids=lambda entry: entry.name)
def test_do_undo_do_undo(entry: Entry, proved: Callable[[Entry], Tally]) -> None:
    """Each undo brings everything back but what others wrote meanwhile."""
    tally = proved(entry)
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.equal == tally.undos
