"""Each cause names its root, field and expected value, and its runbook offers what it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose, verify
from stratus_cli.knowledge.runbook import default_directory, fill, load
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.plan import Refusal
from tests.cases.loader import CaseFile, cases, snapshot_of

ALL = list(cases("causes", "cause"))
RUNBOOKS = load(default_directory())


@pytest.mark.parametrize("case", ALL, ids=[case.id for case in ALL])
def test_case(case: CaseFile) -> None:
    """The incidents with this cause as a root are exactly those that the case expects."""
    body = case.body
    recording = snapshot_of(body["recording"]) if "recording" in body else None
    snap = case.snapshot()
    incidents = diagnose(detect(snap), recording=recording)
    found = [
        (incident, root)
        for incident in incidents
        for root in incident.roots
        if root.cause == case.subject
    ]
    assert sorted(root.root.short for _, root in found) == sorted(
        item["root"] for item in body["expect"]
    )
    for wanted in body["expect"]:
        for incident, root in found:
            if root.root.short == wanted["root"]:
                _check(incident, root, wanted)
                assert verify(root, snap), "its own evidence must hold on the same snapshot"
    if "incidents" in body:
        assert len(incidents) == body["incidents"]
    if "rivals" in body:
        rivals = {rival.cause for incident in incidents for rival in incident.rivals}
        assert rivals == set(body["rivals"])


def _check(incident: Incident, root: Diagnosis, wanted: Mapping[str, Any]) -> None:
    assert root.evidence
    assert root.check
    for key in ("field", "observed", "expected"):
        if key in wanted:
            assert getattr(root, key) == wanted[key]
    for key, value in wanted.get("facts", {}).items():
        assert root.facts.get(key) == value
    low, high = wanted.get("confidence", (0.0, 1.0))
    assert low <= root.confidence <= high
    if "symptoms" in wanted:
        symptoms = sorted({f"{item.rule} {item.ref.short}" for item in incident.symptoms})
        assert symptoms == sorted(wanted["symptoms"])
    if "says" in wanted:
        assert [item.value for item in root.evidence if item.source == "log"] == wanted["says"]
    if "severity" in wanted:
        assert incident.severity.label == wanted["severity"]
    if "offers" in wanted:
        assert _offers(root) == wanted["offers"]


def _offers(root: Diagnosis) -> list[list[str]]:
    """The lines of each runbook candidate that the facts fill, as words joined by blanks."""
    return [
        [" ".join(word if isinstance(word, str) else repr(word) for word in line) for line in lines]
        for runbook in RUNBOOKS
        if root.cause in runbook.causes
        for candidate in runbook.candidates
        if all(name in root.facts for name in candidate.when)
        if (lines := [_filled(line, root) for line in candidate.lines])
    ]


def _filled(line: str, root: Diagnosis) -> tuple[Any, ...]:
    words = fill(line, root.facts)
    assert not isinstance(words, Refusal)
    return words
