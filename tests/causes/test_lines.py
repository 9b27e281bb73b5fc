"""Every line of every runbook, filled with the facts of the causes' cases, is in the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from stratus_cli.actions.kubectl import parse
from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.knowledge.fill import variables_of
from stratus_cli.knowledge.runbook import default_directory, fill, load
from stratus_cli.model.plan import Refusal
from tests.cases.loader import CaseFile, cases, snapshot_of

ALL = tuple(cases("causes", "cause"))
LINES = [
    pytest.param(runbook.causes, line, id=f"{runbook.slug}-{number}")
    for runbook in load(default_directory())
    for number, line in enumerate(
        (line for candidate in runbook.candidates for line in candidate.lines), 1
    )
]


@cache
def facts_of(cause: str) -> tuple[Mapping[str, Any], ...]:
    """Of each root and rival that a case gives this cause."""
    return tuple(facts for case in ALL if case.subject == cause for facts in _facts(case))


def _facts(case: CaseFile) -> list[Mapping[str, Any]]:
    past = snapshot_of(case.body["recording"]) if "recording" in case.body else None
    return [
        item.facts
        for incident in diagnose(detect(case.snapshot()), recording=past)
        for item in (*incident.roots, *incident.rivals)
        if item.cause == case.subject
    ]


@cache
def lent() -> Mapping[str, Any]:
    """Each fact as some case of any cause has it."""
    known: dict[str, Any] = {}
    for cause in sorted({case.subject for case in ALL}):
        for facts in facts_of(cause):
            known = {**facts, **known}
    return known


@pytest.mark.parametrize(("causes", "line"), LINES)
def test_a_line_is_in_the_grammar(causes: tuple[str, ...], line: str) -> None:
    """With what the causes' own cases give; what they never give is lent from another cause."""
    names = set(variables_of(line))
    own = [facts for cause in causes for facts in facts_of(cause)]
    assert names <= {*lent(), *(name for facts in own for name in facts)}, "no case has it"
    assert own, "no case of its causes"
    fitting = [facts for facts in own if names <= set(facts)]
    for facts in fitting or [{**lent(), **facts} for facts in own[:1]]:
        words = fill(line, facts)
        assert not isinstance(words, Refusal), words
        actions = parse(words, "default")
        assert not isinstance(actions, Refusal), actions
        assert actions
