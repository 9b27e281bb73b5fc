"""Cluster content is hostile: whatever is in it, diagnosis ends, and its facts stay data."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.knowledge.runbook import default_directory, fill, load
from stratus_cli.model.change import Json
from stratus_cli.model.plan import Refusal
from tests.cases.loader import CaseFile, cases, raw_objects, snapshot

CASES = list(cases("causes", "cause"))
RUNBOOKS = load(default_directory())
TEXT = st.text(max_size=30) | st.sampled_from(
    ["--all", "-n", "a b", "\x1b[31m", "{{namespace}}", "../..", "x" * 5000, "'", '"', "$(id)"]
)


def _texts(item: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all texts that a person could have chosen; names and types the API checks."""
    if isinstance(item, dict):
        return [
            place
            for key, value in item.items()
            if key not in ("kind", "apiVersion", "uid", "ownerReferences", "managedFields")
            and "ime" not in key
            and key not in {"startedAt", "finishedAt"}
            for place in _texts(value, (*path, key))
        ]
    if isinstance(item, list):
        return [place for i, value in enumerate(item) for place in _texts(value, (*path, i))]
    return [path] if isinstance(item, str) else []


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CASES), st.data())
def test_any_text_may_be_anything(case: CaseFile, data: st.DataObject) -> None:
    """No text breaks diagnosis, and no filled line has more words or flags than it was given."""
    items = copy.deepcopy(raw_objects(case.body))
    for _ in range(data.draw(st.integers(1, 6))):
        item = data.draw(st.sampled_from(items))
        places = _texts(item)
        if not places:
            continue
        *parents, last = data.draw(st.sampled_from(places))
        node = item
        for step in parents:
            node = node[step]
        node[last] = data.draw(TEXT)
    for incident in diagnose(detect(snapshot(items))):
        for root in incident.roots:
            json.dumps(dict(root.facts))
            for runbook in RUNBOOKS:
                for candidate in runbook.candidates:
                    _check_lines(candidate.lines, root.facts)


@pytest.mark.parametrize("text", ["]", ",", "a=b", '"'])
@pytest.mark.parametrize(
    "subject",
    [
        "argument-refused",
        "autoscaler-lacks-request",
        "claim-missing",
        "claim-shared",
        "service-port-changed",
        "service-protocol-wrong",
        "target-port-unserved",
    ],
)
def test_no_name_ends_a_path(subject: str, text: str) -> None:
    """Names and protocols stand in field paths, and these might end one."""
    names = ("name", "protocol", "targetPort")
    for case in (case for case in CASES if case.subject == subject):
        items = raw_objects(case.body)
        for index, item in enumerate(items):
            for place in (place for place in _texts(item) if place[-1] in names):
                made = copy.deepcopy(items)
                node = made[index]
                for step in place[:-1]:
                    node = node[step]
                node[place[-1]] = text
                diagnose(detect(snapshot(made)))


def _check_lines(lines: tuple[str, ...], facts: Mapping[str, Json]) -> None:
    for line in lines:
        words = fill(line, facts)
        if isinstance(words, Refusal):
            continue
        flags = [word for word in words if isinstance(word, str) and word.startswith("-")]
        written = [word for word in line.split() if word.startswith("-")]
        assert len(flags) == len(written)
