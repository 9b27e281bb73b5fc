"""Reading reports: valid by the schema that ships, and naming what they must."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

import jsonschema

from tests.scenarios.command import Outcome
from tests.scenarios.scenario import Scenario


def checked(outcome: Outcome) -> dict[str, Any]:
    """The report of a command. ValidationError when it is not what the schema says."""
    schema = importlib.resources.files("stratus_cli.render").joinpath("report.schema.json")
    jsonschema.validate(outcome.report, json.loads(schema.read_text(encoding="utf-8")))
    return outcome.report


def rules(report: dict[str, Any]) -> set[str]:
    """Codes of all that was found."""
    symptoms = [item for incident in report["incidents"] for item in incident["symptoms"]]
    return {item["rule"] for item in [*symptoms, *report["findings"]]}


def is_named(scenario: Scenario, report: dict[str, Any]) -> None:
    """Assert that the scenario's root is the only one: cause, object, field, evidence."""
    wanted = scenario.root
    assert wanted is not None
    assert len(report["incidents"]) == 1
    [root] = report["incidents"][0]["roots"]
    named = (root["cause"], root["ref"].split("/", 1)[1], root["field"])
    assert named == (wanted.cause, wanted.ref, wanted.field)
    assert wanted.observed in (None, root["observed"])
    assert wanted.expected in (None, root["expected"])
    assert root["evidence"]
