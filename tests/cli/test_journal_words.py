"""The journal by the command line: cut short, broken, carried over, and taken elsewhere."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.stage import Outcome, Stage

JOURNAL = ("--journal", "journal.jsonl")
UNDO = ("-n", "shop", "--accept-loss", "--auto", *JOURNAL)
LINES = (
    "kubectl -n shop label deployment/frontend one=1",
    "kubectl -n shop label deployment/frontend two=2",
)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(tmp_path)


def repaired(stage: Stage) -> str:
    """The demo's fault is repaired; the transaction's id."""
    outcome = stage.run("run", "-n", "shop", "--auto", "--watch-for", "0", "-o", "json", *JOURNAL)
    assert outcome.code == 0, outcome.err
    (tx,) = json.loads(outcome.out)["transactions"]
    return str(tx["id"])


def wishes(stage: Stage) -> dict[str, Any]:
    """Of both Deployments that are written to."""
    found = {}
    for item in stage.twin.peek("Deployment", "shop"):
        found[item["metadata"]["name"]] = (dict(item["metadata"].get("labels") or {}), item["spec"])
    return {name: found[name] for name in ("cart", "frontend")}


def damage(path: Path, line: int) -> None:
    """One byte of this line is another one."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(b'"at":"2', b'"at":"3', 1)
    path.write_bytes(b"".join(lines))


def test_a_last_line_that_was_cut_short_is_said_and_stops_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    before = wishes(stage)
    repaired(stage)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"seq":99,"prev":"')
    checked = stage.run("journal", "verify", *JOURNAL)
    assert (checked.code, "cut short" in checked.err) == (0, True)
    undone = stage.run("undo", "--last", *UNDO)
    assert (undone.code, "cut short" in undone.err) == (0, True)
    assert wishes(stage) == before
    assert "cut short" not in stage.run("journal", "verify", *JOURNAL).err


def test_after_a_break_nothing_is_written_until_it_is_rotated(stage: Stage, tmp_path: Path) -> None:
    """One question; --auto takes nothing upon it."""
    repaired(stage)
    path = tmp_path / "journal.jsonl"
    damage(path, 3)
    broken, after = path.read_bytes(), wishes(stage)
    refused = stage.run("undo", "--last", *UNDO)
    assert refused.code == 4
    assert wishes(stage) == after
    assert stage.run("journal", "rotate", *JOURNAL).code == 4  # no terminal to ask on
    assert stage.run("journal", "rotate", *JOURNAL, typed="n\n").code == 4
    assert path.read_bytes() == broken
    rotated = stage.run("journal", "rotate", *JOURNAL, typed="y\n")
    assert rotated.code == 0
    assert Path(rotated.out.strip()).read_bytes() == broken
    assert stage.run("journal", "verify", *JOURNAL).code == 0


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_transaction_that_is_left_open_says_how_to_close_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    """The journal fails once something was written; whatever the format of the report."""
    before, real = wishes(stage), os.fsync

    def full(handle: int) -> None:
        if wishes(stage) != before:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        real(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        left = stage.run("run", "-n", "shop", "--auto", "-o", output, *JOURNAL)
    assert left.code == 6
    assert "OPEN; next: stratus recover --journal journal.jsonl" in left.err
    assert stage.run("recover", "--auto", *JOURNAL).code == 0
    assert wishes(stage) == before


def test_an_open_transaction_survives_a_break(stage: Stage, tmp_path: Path) -> None:
    """It is carried over, said, and recovered from the new file; the cluster is as before."""
    before = wishes(stage)
    done = repaired(stage)
    assert stage.run("undo", "--last", *UNDO).code == 0
    stage.crash("run", "-n", "shop", "--auto", *JOURNAL)
    assert wishes(stage) != before
    damage(tmp_path / "journal.jsonl", 3)
    rotated = stage.run("journal", "rotate", *JOURNAL, typed="y\n")
    assert "carried over" in rotated.err
    listed = stage.run("journal", "list", *JOURNAL)
    assert done not in listed.out
    assert stage.run("recover", "--auto", *JOURNAL).code == 0
    assert wishes(stage) == before


def test_a_commit_from_before_the_break_can_still_be_taken_back(
    stage: Stage, tmp_path: Path
) -> None:
    """`journal export` reads what the chain vouches for; a record behind the break is none."""
    before = wishes(stage)
    done = repaired(stage)
    later = run_plan(stage)
    path = tmp_path / "journal.jsonl"
    lines = path.read_text().splitlines()
    begun = next(number for number, line in enumerate(lines, 1) if later in line)
    damage(path, begun + 2)
    cut = stage.run("journal", "export", later, *JOURNAL)
    assert (cut.code, "its end is not in what can still be read" in cut.err) == (4, True)
    exported = stage.run("journal", "export", done, *JOURNAL)
    assert exported.code == 0, exported.err
    assert "broken" in exported.err
    (tmp_path / "copy.jsonl").write_text(exported.out)
    undone = stage.run(
        "undo", done, "-n", "shop", "--accept-loss", "--auto", "--journal", "copy.jsonl"
    )
    assert undone.code == 0, undone.err
    assert wishes(stage)["cart"] == before["cart"]


def run_plan(stage: Stage) -> str:
    """A transaction of two steps; its id."""
    assert stage.run("plan", *LINES, "-n", "shop", "--out", "plan.yaml").code in (0, 1)
    outcome = execute(stage, "plan.yaml", *JOURNAL, "-o", "json")
    assert outcome.code == 0, outcome.err
    (tx,) = json.loads(outcome.out)["transactions"]
    return str(tx["id"])


def execute(stage: Stage, plan: str, *more: str) -> Outcome:
    return stage.run("mitigate", "--plan", plan, "-n", "shop", "--auto", *more)


def test_an_export_is_enough_to_undo_from_elsewhere(stage: Stage, tmp_path: Path) -> None:
    """Without the journal that it came from; and that undo can be undone from there as well."""
    before = wishes(stage)
    done = repaired(stage)
    after = wishes(stage)
    exported = stage.run("journal", "export", done, *JOURNAL)
    (tmp_path / "copy.jsonl").write_text(exported.out)
    (tmp_path / "journal.jsonl").unlink()
    there = ("-n", "shop", "--accept-loss", "--auto", "--journal", "copy.jsonl", "-o", "json")
    undone = stage.run("undo", done, *there)
    assert undone.code == 0, undone.err
    assert wishes(stage) == before
    (tx,) = json.loads(undone.out)["transactions"]
    assert stage.run("undo", tx["id"], *there).code == 0
    assert wishes(stage) == after


def test_one_step_of_two_is_taken_back(stage: Stage) -> None:
    """--only N, then the rest; what is not there to be taken back is a usage error."""
    before = wishes(stage)
    done = run_plan(stage)
    assert stage.run("undo", done, "--only", "1", *UNDO).code == 0
    assert wishes(stage)["frontend"][0] == {**before["frontend"][0], "two": "2"}
    assert stage.run("undo", done, "--only", "3", *UNDO).code == 2
    assert stage.run("undo", done, *UNDO).code == 0
    assert wishes(stage) == before


def test_an_incident_is_taken_back(stage: Stage) -> None:
    """--incident ID, with the id that diagnose gives in every run; another id is a usage error."""
    before = wishes(stage)
    (incident,) = json.loads(stage.run("diagnose", "-n", "shop", "-o", "json").out)["incidents"]
    repaired(stage)
    assert stage.run("undo", "--incident", "no-such", *UNDO).code == 2
    assert stage.run("undo", "--incident", incident["id"], *UNDO).code == 0
    assert wishes(stage) == before
    again = json.loads(stage.run("diagnose", "-n", "shop", "-o", "json").out)["incidents"]
    assert [item["id"] for item in again] == [incident["id"]]
