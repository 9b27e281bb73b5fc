"""What a person reads who takes something back: whole, in part, against others, and again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stratus_cli.model.ref import Ref
from tests.cli.stage import Outcome, Stage, check_golden

FRONTEND = Ref("Deployment", "shop", "frontend", "apps/v1")
LINES = """\
kubectl -n shop label deployment/frontend one=1
kubectl -n shop label deployment/frontend two=2
kubectl -n shop annotate service/frontend three=3
"""
JOURNAL = ("--journal", "journal.jsonl")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The demo's shop after a committed transaction of three steps."""
    monkeypatch.chdir(tmp_path)
    made = Stage(tmp_path)
    Path("lines.txt").write_text(LINES)
    assert made.run("plan", "lines.txt", "-n", "shop", "--out", "plan.yaml").code == 0
    done = made.run("mitigate", "--plan", "plan.yaml", "-n", "shop", "--auto", *JOURNAL)
    assert done.code == 0, done.err
    return made


def transactions(stage: Stage) -> list[dict[str, object]]:
    """Newest first."""
    found: list[dict[str, object]] = json.loads(
        stage.run("journal", "list", "-o", "json", *JOURNAL).out
    )["transactions"]
    return found


def newest(stage: Stage) -> str:
    return str(transactions(stage)[0]["id"])


def undo(stage: Stage, *words: str) -> Outcome:
    return stage.run("undo", *words, "-n", "shop", "--accept-loss", "--auto", *JOURNAL)


def labels(stage: Stage) -> dict[str, str]:
    item = stage.twin.get(FRONTEND)
    assert item is not None
    found = item["metadata"].get("labels") or {}
    return {key: found[key] for key in ("one", "two") if key in found}


def somebody_else(stage: Stage) -> None:
    item = stage.twin.get(FRONTEND)
    assert item is not None
    item["metadata"]["labels"]["two"] = "theirs"
    stage.twin.replace(item)


def test_a_clash_is_foreseen_refused_with_all_three_values_and_can_be_forced(stage: Stage) -> None:
    tx = newest(stage)
    somebody_else(stage)
    three = "metadata.labels.two was (absent), we wrote 2, now theirs"
    looked = undo(stage, tx, "--dry-run")
    assert looked.out.startswith("would be refused: somebody else changed")
    assert three in looked.out
    assert "--force" in looked.out
    refused = undo(stage, tx)
    assert refused.code == 4
    assert three in refused.err
    assert "next:  Nothing was written. --force restores it all the same" in refused.err
    assert labels(stage) == {"one": "1", "two": "theirs"}
    assert undo(stage, tx, "--force", "--dry-run").out.startswith("would take back")
    assert undo(stage, tx, "--force").code == 0
    assert labels(stage) == {}


def test_one_step_then_the_rest(stage: Stage) -> None:
    tx = newest(stage)
    assert undo(stage, tx, "--only", "1").code == 0
    assert labels(stage) == {"two": "2"}
    assert f"step 1 undone by {newest(stage)}" in stage.run("journal", "list", *JOURNAL).out
    shown = stage.run("journal", "show", tx, *JOURNAL).out
    assert "step 1 undone by" in shown
    assert f"undo: stratus undo {tx}" in shown  # the rest still can be
    again = undo(stage, tx, "--only", "1")
    assert again.code == 4
    assert "taken back already" in again.err
    assert undo(stage, tx).code == 0
    assert labels(stage) == {}
    listed = stage.run("journal", "list", *JOURNAL).out
    assert f"typed by hand  undone by {newest(stage)}" in listed
    assert "next" in stage.run("journal", "show", tx, *JOURNAL).out


def test_an_undo_is_undone_and_called_a_redo(stage: Stage) -> None:
    tx = newest(stage)
    assert undo(stage, "--last").code == 0
    assert labels(stage) == {}
    redone = undo(stage, newest(stage))
    assert redone.code == 0
    assert redone.out.startswith(f"COMMITTED: redo of {tx}: typed by hand; taken back")
    assert labels(stage) == {"one": "1", "two": "2"}
    assert undo(stage, newest(stage)).out.startswith(f"COMMITTED: undo of {tx}: typed by hand;")
    assert labels(stage) == {}


def test_what_is_taken_back_already_says_how_to_do_it_again(stage: Stage) -> None:
    tx = newest(stage)
    assert undo(stage, tx).code == 0
    by = newest(stage)
    again = undo(stage, tx)
    assert again.code == 4
    assert f"next:  To do it again: stratus undo {by}" in again.err
    assert undo(stage, tx[:8]).code == 4  # its first characters do


def test_what_was_never_kept_cannot_be_taken_back(stage: Stage) -> None:
    """The dry run says so as well as the undo."""
    Path("lines.txt").write_text(
        "kubectl -n shop set image deployment/frontend app=stratus/app:never\n"
    )
    assert stage.run("plan", "lines.txt", "-n", "shop", "--out", "bad.yaml").code == 0
    bad = stage.run("mitigate", "--plan", "bad.yaml", "-n", "shop", "--auto", *JOURNAL)
    assert bad.code == 5
    tx = newest(stage)
    assert undo(stage, tx, "--dry-run").out.startswith(
        "would be refused: the transaction is UNDONE, so there is nothing to take back"
    )
    assert undo(stage, tx).code == 4


def test_the_journal_as_a_document(stage: Stage) -> None:
    (made,) = transactions(stage)
    assert (made["kind"], made["state"], made["undone_by"]) == ("mitigate", "COMMITTED", "")
    assert made["steps_undone"] == []
    writes = made["writes"]
    assert isinstance(writes, list)
    assert [item["kubectl"] for item in writes] == LINES.splitlines()
    assert all(item["applied"] for item in writes)
    one = stage.run("journal", "show", str(made["id"]), "-o", "json", *JOURNAL)
    assert json.loads(one.out)["transactions"] == [made]
    assert stage.run("journal", "list", "-o", "sarif", *JOURNAL).code == 2


def test_one_transaction_as_it_is_shown(stage: Stage) -> None:
    shown = stage.run("journal", "show", newest(stage), *JOURNAL)
    check_golden("journal-show", shown.transcript("stratus journal show TX"))
