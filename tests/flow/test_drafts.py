"""What is offered where nothing may be run."""

from __future__ import annotations

import pytest

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.flow.drafts import Draft, drafts
from stratus_cli.knowledge.runbook import default_directory, load
from stratus_cli.model.lifts import NO_REMEDY
from tests.cases.loader import CaseFile, cases

RUNBOOKS = load(default_directory())
GONE = [
    case
    for case in cases("causes", "cause")
    if case.subject == "secret-missing"
    and any(item["root"].startswith("Secret/") for item in case.body["expect"])
]


@pytest.mark.parametrize("case", GONE, ids=lambda case: case.id)
def test_a_deleted_secret_is_left_to_a_person_who_is_told_what_to_read(case: CaseFile) -> None:
    """Lines that change a workload are none for it, and no recording could lift anything."""
    for incident in diagnose(detect(case.snapshot())):
        if incident.roots[0].root.kind != "Secret":
            continue
        offered = list(drafts(incident, RUNBOOKS))
        assert not [item for item in offered if isinstance(item, Draft)]
        (first, *_) = offered
        assert not isinstance(first, Draft)
        assert first.refusal is not None
        assert first.refusal.check == NO_REMEDY
        assert "stratus runbook show secret-missing" in first.refusal.lift


@pytest.mark.parametrize("case", GONE, ids=lambda case: case.id)
def test_evidence_is_shown_once(case: CaseFile) -> None:
    for incident in diagnose(detect(case.snapshot())):
        for root in incident.roots:
            assert len(set(root.evidence)) == len(root.evidence)
