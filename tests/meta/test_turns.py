"""Every turn comes, and one test a day of each kind that takes turns is run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests import turns

Chosen = tuple[list[str], list[str]]


def chosen(items: dict[str, str], *words: str) -> Chosen:
    """(kept, deselected). items: node id -> turn, "" for none."""
    gone: list[Any] = []
    made = [item(name, turn) for name, turn in items.items()]

    def deselected(items: list[Any]) -> None:
        gone.extend(items)

    hook = SimpleNamespace(pytest_deselected=deselected)
    turns.choose(SimpleNamespace(hook=hook, args=list(words)), made)  # type: ignore[arg-type]  # what it uses
    return [it.nodeid for it in made], [it.nodeid for it in gone]


def item(name: str, turn: str) -> Any:  # stands for a pytest item
    class Item(SimpleNamespace):
        __hash__ = object.__hash__

    marker = SimpleNamespace(args=(turn,)) if turn else None
    return Item(nodeid=name, get_closest_marker=lambda _: marker)


def test_what_disturbs_the_others_is_left_to_the_proof() -> None:
    assert chosen({"a.py::one": turns.PROOF}) == ([], ["a.py::one"])


ITEMS = {"a.py::one": "x", "a.py::two": "y", "a.py::three": "y", "a.py::always": "", "b.py::it": ""}


@pytest.fixture(autouse=True)
def every_turn_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(turns.TURNS, raising=False)


def test_each_turn_has_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    for day in ("1", "2"):
        monkeypatch.setenv("STRATUS_PROOF_DAY", day)
        kept, gone = chosen(ITEMS)
        assert {"a.py::always", "b.py::it"} <= set(kept)
        assert set(kept) | set(gone) == set(ITEMS)
        assert gone
        seen |= set(kept)
    assert seen == set(ITEMS)


@pytest.mark.parametrize("word", ["a.py::two"])
def test_what_is_named_is_run(word: str) -> None:
    assert chosen(ITEMS, word) == (list(ITEMS), [])


def test_the_proof_runs_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(turns.TURNS, "all")
    assert chosen(ITEMS) == (list(ITEMS), [])
