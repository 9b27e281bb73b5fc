"""Ten faults through every stage on the real cluster; judged by the tests' own reads."""

from __future__ import annotations

import pytest

from tests.e2e.reports import checked, is_named, rules
from tests.scenarios.lab import Lab, awaited
from tests.scenarios.scenario import Scenario, controls, faults
from tests.scenarios.state import differences, wish_differences

fault = pytest.mark.parametrize("scenario", faults(), ids=lambda item: item.name)
control = pytest.mark.parametrize("scenario", controls(), ids=lambda item: item.name)


@pytest.fixture(scope="module")
def stories(lab: Lab) -> Lab:
    """Every scenario under way."""
    lab.begin((*faults(), *controls()))
    return lab


@fault
def test_the_fault_is_real(scenario: Scenario, stories: Lab) -> None:
    """The injection does what it says: requests fail, or do not, and the wishes have changed."""
    broken = awaited(stories.story(scenario).broken)
    assert broken.front_door is scenario.front_door
    assert differences(broken.healthy, broken.faulty)


@fault
def test_it_is_detected(scenario: Scenario, stories: Lab) -> None:
    """detect ends with 1 and shows each symptom."""
    told = awaited(stories.story(scenario).told)
    assert told.detect.code == 1, str(told.detect)
    report = checked(told.detect)
    assert {rule for rule, _ in scenario.symptoms} <= rules(report)


@fault
def test_its_root_causeis_named(scenario: Scenario, stories: Lab) -> None:
    """diagnose names one root cause: the cause, the object, the field, and evidence for it."""
    told = awaited(stories.story(scenario).told)
    assert told.diagnose.code == 1, str(told.diagnose)
    is_named(scenario, checked(told.diagnose))


@fault
def test_reading_writes_nothing(scenario: Scenario, stories: Lab) -> None:
    """detect, diagnose and plan, with all its dry runs, move no object's wishes."""
    told = awaited(stories.story(scenario).told)
    assert told.plan.code == 1, str(told.plan)
    assert all(item["plan"] for item in checked(told.plan)["incidents"][0]["candidates"][:1])
    moved = {key for key in told.before if told.before[key] != told.after.get(key)}
    assert not moved


@fault
def test_it_is_repaired(scenario: Scenario, stories: Lab) -> None:
    """run --auto commits one transaction, and names the same root cause in its report."""
    repaired = awaited(stories.story(scenario).repaired)
    assert repaired.outcome.code == 0, str(repaired.outcome)
    report = checked(repaired.outcome)
    is_named(scenario, report)
    assert [tx["state"] for tx in report["transactions"]] == ["COMMITTED"], str(repaired.outcome)
    assert [item["outcome"] for item in report["incidents"]] == ["COMMITTED"]


@fault
def test_the_shop_is_well_again(scenario: Scenario, stories: Lab) -> None:
    """Each workload has its pods, each Service exactly them, and the front door answers."""
    repaired = awaited(stories.story(scenario).repaired)
    assert not repaired.unwell
    assert repaired.front_door


@fault
def test_the_repair_survives_new_pods(scenario: Scenario, stories: Lab) -> None:
    """Pods of the repaired workload that are deleted come back well."""
    assert awaited(stories.story(scenario).repaired).survives


@fault
def test_the_repair_leaves_what_was_wished_when_well(scenario: Scenario, stories: Lab) -> None:
    """Nothing is gone, new or different from the healthy state."""
    story = stories.story(scenario)
    wanted = awaited(story.broken).healthy
    assert wish_differences(wanted, awaited(story.repaired).state) == []


@fault
def test_undo_restores_the_fault_exactly(scenario: Scenario, stories: Lab) -> None:
    """undo --last commits, and every wish and every template of the history is as before."""
    story = stories.story(scenario)
    undone = awaited(story.undone)
    assert undone.outcome.code == 0, str(undone.outcome)
    report = checked(undone.outcome)
    assert [tx["state"] for tx in report["transactions"]] == ["COMMITTED"], str(undone.outcome)
    assert differences(awaited(story.broken).faulty, undone.state) == []


@control
def test_a_control_is_left_alone(scenario: Scenario, stories: Lab) -> None:
    """Nothing is wrong, so run --auto ends with 0, writes nothing and opens no transaction."""
    left = awaited(stories.story(scenario).left)
    assert left.outcome.code == 0, str(left.outcome)
    report = checked(left.outcome)
    assert report["incidents"] == []
    assert report["transactions"] == []
    assert not [entry for entry in left.journal if entry["type"] == "begin"]
    written = {
        key: (left.before[key], left.after.get(key))
        for key in left.before
        if left.before[key] != left.after.get(key)
    }
    assert not written
