"""Every refusal says what would lift it, or is of a kind after which there is nothing to lift."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import stratus_cli
from stratus_cli.model.lifts import LIFTS, NEED_NONE
from stratus_cli.model.plan import Refusal

PACKAGE = Path(stratus_cli.__file__).parent
CONSTANTS = {"NO_CHANGE": "no change", "NO_REMEDY": "remedy"}
PHRASE = re.compile(r"(?:[a-z`][\w-]*[,:]? ).+|stratus ", re.DOTALL)
"""A way on is a phrase that says what to do, not a flag or a form alone."""


def refusals() -> Iterator[tuple[str, ast.Call]]:
    """Every place that makes one, by file and line."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) == "Refusal":
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _argument(node: ast.Call, place: int, name: str) -> ast.expr | None:
    if len(node.args) > place:
        return node.args[place]
    return next((item.value for item in node.keywords if item.arg == name), None)


def _check(node: ast.Call) -> str | None:
    argument = _argument(node, 0, "check")
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    return CONSTANTS.get(_name(argument)) if argument is not None else None


def _start(lift: ast.Constant | ast.JoinedStr) -> str:
    """The text of it, values of the moment left out."""
    if isinstance(lift, ast.Constant):
        return str(lift.value)
    parts = (str(item.value) if isinstance(item, ast.Constant) else "x" for item in lift.values)
    return "".join(parts)


FOUND = tuple(refusals())


def test_they_are_found() -> None:
    assert len(FOUND) > 50


@pytest.mark.parametrize(("where", "node"), FOUND, ids=[where for where, _ in FOUND])
def test_each_says_its_check_and_what_lifts_it(where: str, node: ast.Call) -> None:
    check = _check(node)
    assert check is not None, f"{where}: the name of the check is not written there"
    lift = _argument(node, 2, "lift")
    if isinstance(lift, ast.Constant | ast.JoinedStr):
        assert PHRASE.match(_start(lift)), f"{where}: the way on is no phrase"
    else:
        # None, or a value of the moment that may be empty.
        assert check in LIFTS or check in NEED_NONE, f"{where}: {check!r} has no way on"


def test_no_check_both_has_a_way_on_and_needs_none() -> None:
    assert not NEED_NONE & LIFTS.keys()


@pytest.mark.parametrize("check", sorted(LIFTS))
def test_a_default_is_a_phrase(check: str) -> None:
    assert PHRASE.match(LIFTS[check])


@pytest.mark.parametrize("check", sorted(LIFTS))
def test_the_way_on_of_a_check_is_part_of_its_refusal(check: str) -> None:
    refusal = Refusal(check, "the reason")
    assert refusal.lift == LIFTS[check]
    assert str(refusal) == f"{check}: the reason (to lift it: {LIFTS[check]})"
    assert Refusal(check, "the reason", "another way").lift == "another way"


def test_a_check_that_needs_none_has_no_empty_brackets() -> None:
    assert str(Refusal("no change", "it is so already")) == "no change: it is so already"
