"""Where no rule found anything, causes of configuration, jobs and applications say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stratus_cli.causes import (
    calls_time_out,
    config_address_dead,
    config_value_changed,
    credentials_refused,
    cronjob_not_run,
    job_disturbs,
    job_fails,
    job_held_open,
    job_template_changed,
    record_undecodable,
    recurring_actor,
    secret_missing,
    stale_environment,
)
from stratus_cli.causes.case import Case
from stratus_cli.flow.detect import detect
from stratus_cli.kube.known_good import KnownGoodValues
from stratus_cli.model.finding import Severity
from tests.cases.loader import CaseFile, cases, snapshot_of

MINE = (
    calls_time_out,
    config_address_dead,
    config_value_changed,
    credentials_refused,
    cronjob_not_run,
    job_disturbs,
    job_fails,
    job_held_open,
    job_template_changed,
    record_undecodable,
    recurring_actor,
    secret_missing,
    stale_environment,
)
IDS = {cause.META.id for cause in MINE}
CASES = [case for case in cases("causes", "cause") if case.subject in IDS]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_no_finding_no_cause(case: CaseFile) -> None:
    """Whatever was edited, runs or is logged: without a symptom that hurts nothing is accused."""
    detection = detect(case.snapshot())
    recording = snapshot_of(case.body["recording"]) if "recording" in case.body else None
    known = KnownGoodValues(detection.graph, recording)
    harmless = tuple(
        replace(finding, severity=min(finding.severity, Severity.RISK))
        for finding in detection.findings
    )
    by_key = {finding.key: finding for finding in harmless}
    for cause in MINE:
        assert not list(cause.diagnose(Case(detection.graph, (), known)))
        for root in cause.diagnose(Case(detection.graph, harmless, known)):
            assert root.explains
            assert all(by_key[key].severity < Severity.DEGRADED for key in root.explains)
