"""Every rule fires where it must, is quiet where it must, and says so when it could not look."""

from __future__ import annotations

import pytest

from stratus_cli.flow.detect import detect
from tests.cases.loader import CaseFile, cases

ALL = list(cases("rules", "rule"))


@pytest.mark.parametrize("case", ALL, ids=[case.id for case in ALL])
def test_case(case: CaseFile) -> None:
    """The rule's findings are exactly those that the case expects."""
    detection = detect(case.snapshot())
    found = [item for item in detection.findings if item.rule == case.subject]
    skipped = [item.rule for item in detection.skips]
    expected = case.body["expect"]
    if expected == "skip":
        assert not found
        assert case.subject in skipped
        return
    assert (case.subject in skipped) == ("skipped" in case.body)
    assert sorted(item.ref.short for item in found) == sorted(item["ref"] for item in expected)
    for wanted in expected:
        finding = next(item for item in found if item.ref.short == wanted["ref"])
        assert wanted.get("has", "") in finding.message
        assert finding.evidence
        if "severity" in wanted:
            assert finding.severity.label == wanted["severity"]
        if "confidence" in wanted:
            assert finding.confidence.label == wanted["confidence"]
