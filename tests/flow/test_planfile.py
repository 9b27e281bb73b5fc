"""A plan file: what a reviewer reads is what is executed, or it is refused."""

from __future__ import annotations

import importlib.resources
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml

from stratus_cli.flow.planfile import check_cluster, check_time, digest_of, dump, load
from stratus_cli.kube.diff import diff
from stratus_cli.model.errors import PlanRefused
from stratus_cli.model.plan import Plan, Step
from stratus_cli.model.ref import ClusterIdentity
from tests.flow.stand import Stand


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Stand.make(tmp_path).plan()


def test_a_plan_survives_its_file(plan: Plan) -> None:
    again = load(dump(plan))
    assert digest_of(again) == digest_of(plan)
    for old, new in zip(plan.steps, again.steps, strict=True):
        assert (old.kubectl, old.uid, old.digest) == (new.kubectl, new.uid, new.digest)
        assert _edits(old) == _edits(new)


def _edits(step: Step) -> object:
    before, after = step.change.before, step.change.after
    assert before is not None
    assert after is not None
    return diff(before, after)


def test_the_file_holds_no_field_that_the_change_does_not_touch(plan: Plan) -> None:
    """Values elsewhere in the object, credentials among them, stay in the cluster."""
    content = yaml.safe_load(dump(plan))
    for step in content["steps"]:
        assert set(step["before"]) <= {"apiVersion", "kind", "metadata", "spec"}
        assert set(step["before"]["metadata"]) == {"name", "namespace"}


@pytest.mark.parametrize("key", ["title", "expires_at", "targets", "steps", "cluster"])
def test_an_edit_anywhere_is_refused(plan: Plan, key: str) -> None:
    content = yaml.safe_load(dump(plan))
    content[key] = {"title": "x", "expires_at": "2099-01-01T00:00:00Z"}.get(key, [])
    with pytest.raises(PlanRefused, match=r"edited|incomplete"):
        load(yaml.safe_dump(content))


@pytest.mark.parametrize("text", ["", "[]", "a: b", "{", "schema: stratus/plan/v1", "\x00"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanRefused):
        load(text)


def test_another_cluster_is_refused(plan: Plan) -> None:
    other = ClusterIdentity("another", "prod", "https://x", "alice")
    with pytest.raises(PlanRefused, match="another cluster"):
        check_cluster(plan, other)


def test_an_expired_plan_is_refused(plan: Plan) -> None:
    with pytest.raises(PlanRefused, match="expired"):
        check_time(plan, plan.expires_at + timedelta(seconds=1))


def test_another_change_is_another_digest(plan: Plan) -> None:
    assert digest_of(replace(plan, title="other")) != digest_of(plan)


@pytest.mark.parametrize("key", ["created_at", "expires_at"])
@pytest.mark.parametrize("value", [5, "tomorrow", None, {}, "2026-13-45T00:00:00Z"])
def test_a_time_that_is_none_is_refused(plan: Plan, key: str, value: object) -> None:
    content = yaml.safe_load(dump(plan))
    content[key] = value
    with pytest.raises(PlanRefused):
        load(yaml.safe_dump(content))


@pytest.mark.parametrize("field", ["before", "after", "ref", "depends", "reversibility"])
@pytest.mark.parametrize("value", [5, [], "x", None])
def test_a_step_of_strange_types_is_refused(plan: Plan, field: str, value: object) -> None:
    content = yaml.safe_load(dump(plan))
    content["steps"][0][field] = value
    with pytest.raises(PlanRefused):
        load(yaml.safe_dump(content))


def test_a_file_nested_too_deeply_is_refused() -> None:
    with pytest.raises(PlanRefused):
        load("[" * 5000)


def test_one_changed_value_in_a_step_is_refused(plan: Plan) -> None:
    """The digest covers what would be written."""
    with pytest.raises(PlanRefused, match="edited"):
        load(dump(plan).replace("stratus/app:1\n", "stratus/app:2\n"))


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_each_step_says_how_it_is_taken_back(plan: Plan, operation: str) -> None:
    (step,) = plan.steps
    change = step.change
    made = {
        "create": replace(change, before=None),
        "update": change,
        "delete": replace(change, after=None),
    }[operation]
    planned = replace(plan, steps=(replace(step, change=made),))
    (content,) = yaml.safe_load(dump(planned))["steps"]
    verb = {"create": "delete", "update": "set image", "delete": "create"}[operation]
    assert content["inverse"].startswith(f"kubectl -n shop {verb} ")
    assert digest_of(load(dump(planned))) == digest_of(planned)
    schema = importlib.resources.files("stratus_cli.render").joinpath("plan.schema.json")
    jsonschema.validate(yaml.safe_load(dump(planned)), json.loads(schema.read_text()))
