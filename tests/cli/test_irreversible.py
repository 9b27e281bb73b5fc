"""What cannot be put back: only a person, only on a terminal, and only with its name typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stratus_cli.flow.planfile import load
from stratus_cli.model.ref import Ref
from tests.cli.stage import Outcome, Stage

CLAIM = Ref("PersistentVolumeClaim", "shop", "old-data", "v1")
JOURNAL = ("--journal", "journal.jsonl")
LINE = "kubectl -n shop delete pvc/old-data"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The demo's shop with a claim that no pod mounts, and the plan of its deletion."""
    monkeypatch.chdir(tmp_path)
    made = Stage(tmp_path)
    made.twin.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "old-data", "namespace": "shop"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    )
    made.twin.advance(60)
    planned = made.run("plan", LINE, "-n", "shop", "--irreversible", "--out", "plan.yaml")
    assert planned.code == 0, planned.err
    return made


def mitigate(stage: Stage, *more: str, typed: str | None = None) -> Outcome:
    flags = ("--plan", "plan.yaml", "-n", "shop", *JOURNAL)
    return stage.run("mitigate", *flags, *more, typed=typed)


def is_there(stage: Stage) -> bool:
    return stage.twin.get(CLAIM) is not None


def test_without_the_flag_it_is_not_planned(stage: Stage) -> None:
    outcome = stage.run("plan", LINE, "-n", "shop", "--out", "other.yaml")
    assert outcome.code == 4
    assert "cannot be put back as it was" in outcome.err
    assert "--irreversible and the name typed" in outcome.err
    assert not Path("other.yaml").exists()


def test_the_plan_says_that_nothing_takes_it_back(stage: Stage) -> None:
    for output in ("text", "markdown"):
        shown = stage.run("plan", "show", "plan.yaml", "-o", output).out
        assert "irreversible" in shown
        assert "(none: a deleted PersistentVolumeClaim cannot be put back as it was)" in shown


def test_a_reviewed_plan_still_wants_the_flag(stage: Stage) -> None:
    outcome = mitigate(stage, typed="y\nold-data\n")
    assert outcome.code == 4
    assert "irreversible: a deleted PersistentVolumeClaim" in outcome.out
    assert is_there(stage)


def test_a_plan_that_calls_itself_reversible_is_refused_all_the_same(stage: Stage) -> None:
    """The kind decides, not the word in the file."""
    from tests.cli.test_plan_file import forged

    forged(lambda content: content["steps"][0].update(reversibility="reversible"))
    assert mitigate(stage, "--auto").code == 4
    assert is_there(stage)


@pytest.mark.parametrize("more", [("--auto",), ()])
def test_never_with_auto_and_never_without_a_terminal(stage: Stage, more: tuple[str, ...]) -> None:
    outcome = mitigate(stage, "--irreversible", *more)
    assert outcome.code == (2 if more else 4)
    assert is_there(stage)


@pytest.mark.parametrize("typed", ["y\n", "y\n\n", "y\ny\n", "y\nOLD-DATA\n", "n\nold-data\n"])
def test_another_word_than_its_name_writes_nothing(stage: Stage, typed: str) -> None:
    assert mitigate(stage, "--irreversible", typed=typed).code == 4
    assert is_there(stage)


def test_with_its_name_it_is_deleted_and_no_undo_is_promised(stage: Stage) -> None:
    outcome = mitigate(stage, "--irreversible", typed="y\nold-data\n")
    assert outcome.code == 0, outcome.out + outcome.err
    assert "Type its name to delete it" in outcome.err
    assert "gone for good" in outcome.out
    assert "stratus undo" not in outcome.out
    assert not is_there(stage)
    undone = stage.run("undo", "--last", "-n", "shop", "--accept-loss", "--auto", *JOURNAL)
    assert undone.code == 4
    assert "gone for good" in undone.err
    forced = stage.run("undo", "--last", "-n", "shop", "--force", "--accept-loss", *JOURNAL)
    assert forced.code == 4
    assert not is_there(stage)


def test_a_failed_verdict_needs_a_human(stage: Stage) -> None:
    """The other write is put back; the claim is not made anew in its place."""
    Path("lines.txt").write_text(
        f"{LINE}\nkubectl -n shop set image deployment/catalog app=stratus/app:never\n"
    )
    made = stage.run("plan", "lines.txt", "-n", "shop", "--irreversible", "--out", "plan.yaml")
    assert made.code == 0, made.err
    outcome = mitigate(stage, "--irreversible", "-o", "json", typed="y\nold-data\n")
    assert outcome.code == 6, outcome.err
    (tx,) = json.loads(outcome.out)["transactions"]
    assert tx["state"] == "NEEDS_HUMAN"
    assert "shop/PersistentVolumeClaim/old-data" in tx["unrestored"][0]
    assert len(tx["unrestored"]) == 1
    assert not is_there(stage)
    accepted = stage.run("recover", "--accept", tx["id"], *JOURNAL)
    assert accepted.code == 0


def test_a_namespace_lists_what_goes_with_it(stage: Stage) -> None:
    planned = stage.run("plan", "kubectl delete ns/shop", "--irreversible", "--out", "ns.yaml")
    assert planned.code == 0, planned.err
    touched = {str(ref) for ref in load(Path("ns.yaml").read_text()).blast_radius}
    assert {
        "shop/Deployment/cart",
        "shop/Service/cart",
        "shop/PersistentVolumeClaim/old-data",
    } <= touched
