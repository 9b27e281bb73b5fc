"""What a person sees, word for word, from first look to undo, on the demo's twin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.stage import Stage, check_golden

JOURNAL = ("--journal", "journal.jsonl")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(tmp_path)


def test_the_whole_story(stage: Stage) -> None:
    """detect, diagnose, plan, run, health, report, journal, undo: each as golden text."""
    story = [
        ("detect", ["detect", "-n", "shop"], 1),
        ("diagnose", ["diagnose", "-n", "shop"], 1),
        ("diagnose-verify", ["diagnose", "-n", "shop", "--verify"], 1),
        ("plan", ["plan", "-n", "shop"], 1),
        ("run-dry", ["run", "-n", "shop", "--dry-run"], 1),
        ("run-no-terminal", ["run", "-n", "shop"], 4),
        ("run", ["run", "-n", "shop", "--auto"], 0),
        ("detect-well", ["detect", "-n", "shop"], 0),
        ("health", ["health", "-n", "shop"], 0),
        ("report", ["report"], 0),
        ("notification", ["report", "--notification"], 0),
        ("journal-list", ["journal", "list"], 0),
        ("journal-verify", ["journal", "verify"], 0),
        ("undo-dry", ["undo", "--last", "-n", "shop", "--dry-run"], 0),
        ("undo", ["undo", "--last", "-n", "shop", "--accept-loss"], 0),
        ("detect-again", ["detect", "-n", "shop"], 1),
        ("journal-undone", ["journal", "list"], 0),
    ]
    for name, arguments, code in story:
        outcome = stage.run(*arguments, *JOURNAL)
        shown = outcome.transcript(f"stratus {' '.join(arguments)}")
        assert outcome.code == code, shown
        check_golden(name, shown)


def test_asking_and_declining_writes_nothing(stage: Stage) -> None:
    outcome = stage.run("run", "-n", "shop", *JOURNAL, typed="n\n")
    assert outcome.code == 4
    check_golden("run-declined", outcome.transcript("stratus run -n shop   (answer: n)"))
    assert stage.run("detect", "-n", "shop").code == 1


def test_asking_and_agreeing(stage: Stage) -> None:
    outcome = stage.run("mitigate", "-n", "shop", *JOURNAL, typed="y\n")
    assert outcome.code == 0, outcome.err
    check_golden("mitigate", outcome.transcript("stratus mitigate -n shop   (answer: y)"))


@pytest.mark.parametrize("command", ["detect", "diagnose", "plan", "health"])
def test_json_is_one_document_on_stdout(stage: Stage, command: str) -> None:
    outcome = stage.run(command, "-n", "shop", "-o", "json")
    document = json.loads(outcome.out)
    assert document["schema"] == "stratus/report/v1"
    assert document["command"] == command


def test_options_before_the_command_are_the_same(stage: Stage) -> None:
    after = stage.run("detect", "-n", "shop", "-o", "json")
    before = stage.run("-n", "shop", "-o", "json", "detect")
    assert json.loads(before.out)["scope"] == json.loads(after.out)["scope"]


def test_out_writes_the_report_to_a_file(stage: Stage, tmp_path: Path) -> None:
    outcome = stage.run("detect", "-n", "shop", "--out", "report.txt")
    assert outcome.out == ""
    assert (tmp_path / "report.txt").read_text().startswith("1 incident")


def test_a_reviewed_plan_is_executed(stage: Stage) -> None:
    assert stage.run("plan", "-n", "shop", "--out", "plan.yaml").code == 1
    assert stage.run("plan", "show", "plan.yaml").code == 0
    outcome = stage.run("mitigate", "--plan", "plan.yaml", "--auto", "-n", "shop", *JOURNAL)
    assert outcome.code == 0, outcome.err
    assert stage.run("detect", "-n", "shop").code == 0


def test_a_recording_gives_the_same_answer(stage: Stage) -> None:
    assert stage.run("record", "-n", "shop", "--out", "now.json.gz").code == 0
    live = json.loads(stage.run("diagnose", "-n", "shop", "-o", "json").out)
    replayed = stage.run("diagnose", "-n", "shop", "-o", "json", "--from", "now.json.gz")
    assert json.loads(replayed.out)["incidents"] == live["incidents"]
