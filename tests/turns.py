"""Tests that take turns: of a module with the marker `turn`, each day another turn is run.

What real processes go through on a real cluster takes minutes of both cores. `make test` runs the
turn of the day and `make proof` all of them (STRATUS_TURNS=all). Naming one test runs it.
"""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

from tests.proof.turn import today

TURNS = "STRATUS_TURNS"  # "all": every turn
PROOF = "proof"
"""The turn of what disturbs everything else on the cluster: its day never comes."""


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the turn of the day of each module; the others are told as deselected."""
    if os.environ.get(TURNS) == "all" or any("::" in word for word in config.args):
        return
    turns: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if (name := turn_of(item)) and name != PROOF:
            turns[module_of(item)].add(name)
    chosen = {
        module: sorted(names)[today() % len(names)] for module, names in sorted(turns.items())
    }
    left = [item for item in items if turn_of(item) not in ("", chosen.get(module_of(item)))]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


def turn_of(item: pytest.Item) -> str:
    """The name of its turn, "" when it is run every day."""
    marker = item.get_closest_marker("turn")
    return str(marker.args[0]) if marker else ""


def module_of(item: pytest.Item) -> str:
    """The path of its file."""
    return item.nodeid.split("::", 1)[0]
