"""Each format says what the report holds; the JSON document obeys the shipped schema."""

from __future__ import annotations

import importlib.resources
import json
from xml.etree import ElementTree

import jsonschema
import pytest

from stratus_cli.model.finding import Severity
from stratus_cli.model.health import TransactionState
from stratus_cli.model.report import Report
from stratus_cli.model.snapshot import Gap, GapReason
from stratus_cli.render.document import document
from stratus_cli.render.formats import machine
from stratus_cli.render.markdown import incident_report, plan_text
from stratus_cli.render.notification import draft
from stratus_cli.render.text import first_line, report_page
from tests.render import samples

SCHEMA = json.loads(
    importlib.resources.files("stratus_cli.render").joinpath("report.schema.json").read_text()
)
REPORTS = {
    "detect": samples.report(),
    "run": samples.finished_run(),
    "hostile": samples.hostile_report(),
    "empty": samples.report(incidents=(), findings=()),
    "gaps": samples.report(gaps=(Gap("Pod", GapReason.FORBIDDEN, "pods is forbidden"),)),
    "no health": samples.report(health=None),
    "plan": samples.report("plan", candidates={"": (samples.candidate(),)}, incidents=()),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_document_obeys_the_schema(name: str) -> None:
    content = json.loads(machine("json", document(REPORTS[name])))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(content)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("output", ["json", "yaml", "junit", "sarif"])
def test_every_format_renders_every_report(name: str, output: str) -> None:
    assert machine(output, document(REPORTS[name])).endswith("\n")


def test_the_first_line_is_the_answer() -> None:
    assert first_line(samples.report()) == (
        "1 incident: image tag does not exist (shop/Deployment/cart) - outage"
    )
    assert first_line(REPORTS["empty"]) == "nothing wrong"
    unread = samples.report(incidents=(), findings=(), gaps=(Gap("Pod", GapReason.FORBIDDEN),))
    assert first_line(unread) == "nothing found, but Pod could not be read"
    assert first_line(samples.finished_run()).startswith("COMMITTED: image tag does not exist")


def test_symptoms_are_folded_and_not_repeated_as_findings() -> None:
    text = report_page(samples.report()).text
    assert "explains  POD104 image cannot be pulled" in text
    assert "no cause explains" not in text


def test_evidence_can_be_read_again_by_hand() -> None:
    text = report_page(samples.report("diagnose")).text
    assert (
        "kubectl -n shop get deployment cart -o "
        "jsonpath='{.spec.template.spec.containers[?(@.name==\"cart\")].image}'" in text
    )
    assert "kubectl -n shop logs cart-7d9-x1 -c cart --previous" in text
    assert "kubectl -n shop get events --field-selector involvedObject.name=cart-7d9-x1" in text


def test_a_plan_shows_diff_inverse_risk_and_success() -> None:
    candidates = {"0123456789": (samples.candidate(), samples.refused_candidate())}
    text = report_page(samples.report("plan", candidates=candidates)).text
    assert f"- {samples.IMAGE}: registry/app:9.9" in text
    assert f"+ {samples.IMAGE}: registry/app:1.0" in text
    assert "inverse: kubectl -n shop set image deployment cart cart=registry/app:9.9" in text
    assert "risk      low" in text
    assert "success   POD104 is gone" in text
    assert "Not offered: use the recorded image" in text


@pytest.mark.parametrize(
    ("state", "left_open", "wanted"),
    [
        (TransactionState.COMMITTED, False, "undo: stratus undo tx-1 --journal '/j 1'"),
        (TransactionState.UNDONE, False, "everything written was put back"),
        (TransactionState.BLOCKED, False, "nothing was written"),
        (TransactionState.NEEDS_HUMAN, False, "stratus recover --accept tx-1"),
        (TransactionState.COMMITTED, True, "stratus recover"),
    ],
)
def test_each_end_says_what_comes_next(
    state: TransactionState, left_open: bool, wanted: str
) -> None:
    made = samples.report("run", transactions=(samples.transaction(state, left_open=left_open),))
    assert wanted in report_page(made, journal="/j 1").text


def test_junit_counts_what_is_left_and_what_was_not_read() -> None:
    made = samples.report(gaps=(Gap("Pod", GapReason.FORBIDDEN),))
    suite = ElementTree.fromstring(machine("junit", document(made)).encode())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "1")
    repaired = ElementTree.fromstring(machine("junit", document(samples.finished_run())).encode())
    assert repaired.get("failures") == "0"


def test_sarif_has_one_result_per_root() -> None:
    log = json.loads(machine("sarif", document(samples.report())))
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == "image-not-found"
    assert result["level"] == "error"


def test_markdown_tells_cause_writes_times_and_undo() -> None:
    text = incident_report(document(samples.finished_run(), journal="/j"))
    for wanted in (
        "# COMMITTED: image tag does not exist",
        "| MTTR | 13 s |",
        "`registry/app:9.9`, expected `registry/app:1.0`",
        "```diff",
        "To take it back: `stratus undo tx-1 --journal /j`",
        "## Timeline",
    ):
        assert wanted in text
    assert "put back the image" in plan_text(document(samples.finished_run()))


def test_the_notification_is_short() -> None:
    text = draft(document(samples.finished_run()))
    assert "State: repaired in 13 s." in text
    assert "Undo: stratus undo tx-1" in text
    assert len(text.splitlines()) <= 6


def test_hygiene_is_counted_but_not_spelled_out() -> None:
    loose = samples.finding("POD190", message="no limits", severity=Severity.HYGIENE)
    made: Report = samples.report(incidents=(), findings=(loose,))
    assert "1 hygiene finding with -v" in report_page(made).text
    assert "no limits" in report_page(made, verbose=True).text
