"""Crashes, signals, refusals and two faults at once, on the real cluster."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e import tales
from tests.e2e.tales import Chapter, Chapters
from tests.scenarios.lab import Lab, awaited
from tests.scenarios.place import Place

TALES: dict[str, Callable[[Place], Chapters]] = {
    "crashes": tales.crashes,
    "signals": tales.signals,
    "two faults": tales.two_faults,
    "refusals": tales.refusals,
}
Read = Callable[[str, str], Chapter]


@pytest.fixture(scope="module")
def read(lab: Lab) -> Read:
    """A chapter of a tale; all tales begin at once."""
    begun = {name: lab.tale(name, tell) for name, tell in TALES.items()}

    def chapter(tale: str, name: str) -> Chapter:
        told = awaited(begun[tale])
        assert isinstance(told, dict)
        found = told[name]
        assert isinstance(found, Chapter)
        return found

    return chapter


@pytest.mark.parametrize("when", ["before the write", "after the write"])
def test_a_crash_is_recovered(when: str, read: Read) -> None:
    """kill -9 leaves the transaction open; nothing else is begun; recover puts all back."""
    chapter = read("crashes", when)
    crash, refused, recovered = chapter.outcomes
    assert crash.code == -9, str(crash)
    assert refused.code == 6, str(refused)
    assert recovered.code == 0, str(recovered)
    [tx] = recovered.report["transactions"]
    assert tx["state"] == {"before the write": "BLOCKED", "after the write": "UNDONE"}[when]
    assert not tx["open"]
    assert not chapter.changed
    assert len(chapter.states) == 1


def test_a_crash_is_finished(read: Read) -> None:
    """recover --finish judges what was written and keeps it; undo then restores the fault."""
    chapter = read("crashes", "after the write, finished")
    recovered = chapter.last
    assert recovered.code == 0, str(recovered)
    assert [tx["state"] for tx in recovered.report["transactions"]] == ["COMMITTED"]
    assert chapter.changed  # it is repaired, so the fault is no longer wished
    undone = read("crashes", "undo")
    assert undone.last.code == 0, str(undone.last)
    assert not undone.changed


def test_ctrl_c_rolls_back(read: Read) -> None:
    """The first signal takes the open transaction back, and the exit code says both."""
    chapter = read("signals", "once")
    assert chapter.last.code == 130, str(chapter.last)
    assert chapter.states == ["UNDONE"]
    assert not chapter.changed


def test_ctrl_c_twice_leaves_the_transaction_open(read: Read) -> None:
    """The second signal leaves at once and says how to go on; recover closes it."""
    chapter = read("signals", "twice")
    left, recovered = chapter.outcomes
    assert left.code == 6, str(left)
    assert "stratus recover" in left.err
    assert recovered.code == 0, str(recovered)
    assert chapter.states == ["UNDONE"]
    assert not chapter.changed


def test_two_faults_at_once(read: Read) -> None:
    """Two incidents, each repaired in a transaction of its own; undone newest first."""
    repaired = read("two faults", "repaired")
    assert repaired.last.code == 0, str(repaired.last)
    assert repaired.states == ["COMMITTED", "COMMITTED"]
    roots = {
        root["cause"]
        for incident in repaired.last.report["incidents"]
        for root in incident["roots"]
    }
    assert roots == {"image-not-found", "target-port-unserved"}
    assert repaired.more == {"unwell": [], "open": True}
    undone = read("two faults", "undone")
    assert [outcome.code for outcome in undone.outcomes] == [0, 0], str(undone.last)
    assert not undone.changed


@pytest.mark.parametrize("name", ["protected", "reader", "another digest", "changed since"])
def test_refused_and_nothing_written(name: str, read: Read) -> None:
    """Exit code 4, and no object has moved."""
    chapter = read("refusals", name)
    assert chapter.last.code == 4, str(chapter.last)
    assert name == "changed since" or not chapter.changed
    assert "COMMITTED" not in chapter.states
    assert not [entry for entry in chapter.entries if entry["type"] == "intent"]


def test_a_reviewed_plan_is_executed(read: Read) -> None:
    """plan --out writes nothing; mitigate --plan commits exactly it; undo restores the fault."""
    planned = read("refusals", "planned")
    assert planned.last.code == 1, str(planned.last)
    assert not planned.written
    executed = read("refusals", "executed")
    assert executed.last.code == 0, str(executed.last)
    assert executed.states == ["COMMITTED"]
    assert executed.changed
    undone = read("refusals", "taken back")
    assert undone.last.code == 0, str(undone.last)
    assert not undone.changed


def test_a_user_of_one_namespace_can_repair_it(read: Read) -> None:
    """What may not be read is a gap that is named; the repair is made all the same."""
    chapter = read("refusals", "namespace-only")
    assert chapter.last.code == 0, str(chapter.last)
    assert chapter.states == ["COMMITTED"]
    assert {gap["reason"] for gap in chapter.last.report["gaps"]} >= {"forbidden"}
    assert chapter.more["unwell"] == []
