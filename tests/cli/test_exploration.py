"""Several candidates for one cause, at the command line: one transaction each, and every bound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.stage import Outcome, Stage
from tests.flow.remedies import runbooks

RUN = ("run", "-n", "shop", "--auto", "--journal", "journal.jsonl", "--runbooks", "runbooks")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The demo's shop; its image can be set to two that do not exist, then to the right one."""
    monkeypatch.chdir(tmp_path)
    runbooks(tmp_path, "stratus/app:a", "stratus/app:b", "stratus/app:1")
    return Stage(tmp_path)


def document(outcome: Outcome) -> dict[str, object]:
    made: dict[str, object] = json.loads(outcome.out)
    return made


def test_the_third_candidate_is_kept_and_the_report_says_what_was_learnt(stage: Stage) -> None:
    outcome = stage.run(*RUN)
    assert outcome.code == 0, outcome.err
    shown = outcome.err.split("== Mitigation")
    assert "tried: " not in shown[0]
    assert "tried: Set stratus/app:a: UNDONE because" in shown[1]
    assert "tried: Set stratus/app:b: UNDONE because" in shown[2]
    markdown = stage.run("report").out
    assert "### What was learnt" in markdown
    assert "Set stratus/app:a: UNDONE because" in markdown
    (incident,) = json.loads(stage.run("report", "-o", "json").out)["incidents"]
    assert [lesson.partition(":")[0] for lesson in incident["learnt"]] == ["Set stratus/app"] * 2
    assert incident["outcome"] == "COMMITTED"


def test_max_attempts(stage: Stage) -> None:
    outcome = stage.run(*RUN, "--max-attempts", "2", "-o", "json")
    assert outcome.code == 5
    made = document(outcome)
    states = [tx["state"] for tx in made["transactions"]]  # type: ignore[attr-defined]
    assert states == ["UNDONE", "UNDONE"]
    assert "1 candidate was not tried" in str(made["notes"])
    assert stage.run("detect", "-n", "shop").code == 1


def test_max_writes(stage: Stage) -> None:
    """A plan of more writes than that is not made, and the refusal names the flag."""
    Path("lines.txt").write_text(
        "kubectl -n shop label deployment/cart one=1\nkubectl -n shop label service/cart two=2\n"
    )
    refused = stage.run("plan", "lines.txt", "-n", "shop", "--max-writes", "1")
    assert refused.code == 4
    assert "2 writes are more than 1" in refused.err
    assert "--max-writes" in refused.err
    assert stage.run("plan", "lines.txt", "-n", "shop", "--max-writes", "2").code == 0
    assert stage.run("plan", "lines.txt", "-n", "shop", "--max-writes", "21").code == 2


def test_a_reviewed_plan_is_held_to_max_writes(stage: Stage) -> None:
    Path("lines.txt").write_text(
        "kubectl -n shop label deployment/cart one=1\nkubectl -n shop label service/cart two=2\n"
    )
    assert stage.run("plan", "lines.txt", "-n", "shop", "--out", "plan.yaml").code == 0
    outcome = stage.run("mitigate", "--plan", "plan.yaml", "--auto", "--max-writes", "1")
    assert outcome.code == 4
    assert "2 writes are more than 1" in outcome.out


@pytest.mark.parametrize("budget", ["100s", "2"])
def test_the_budget_leaves_time_to_roll_back(stage: Stage, budget: str) -> None:
    """It ends with everything as before, within its time, and says what gives more."""
    clock = stage.wiring.clock()
    began = clock.monotonic()
    outcome = stage.run(*RUN, "--budget", budget, "-o", "json")
    assert clock.monotonic() - began <= {"100s": 100, "2": 120}[budget]
    assert outcome.code == 5
    assert "--budget gives more" in str(document(outcome)["notes"])
    assert stage.run("detect", "-n", "shop").code == 1


def test_a_budget_too_short_for_a_way_back_writes_nothing(stage: Stage) -> None:
    outcome = stage.run(*RUN, "--budget", "5s", "-o", "json")
    made = document(outcome)
    assert made["transactions"] == []
    assert "--budget gives more" in str(made["notes"])
    assert outcome.code == 1
