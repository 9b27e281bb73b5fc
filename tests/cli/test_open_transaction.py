"""A transaction that a crash left open: who is told, when, and how it is closed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from stratus_cli.model.ref import Ref
from tests.cli.stage import Outcome, Stage, check_golden

CART = Ref("Deployment", "shop", "cart", "apps/v1")
LABEL = "kubectl -n shop label deployment/cart seen=yes"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The demo's shop after a run that died just after its write."""
    monkeypatch.chdir(tmp_path)
    made = Stage(tmp_path)
    assert made.run("plan", LABEL, "-n", "shop", "--out", "plan.yaml").code == 0
    assert made.run("record", "-n", "shop", "--out", "now.json.gz").code == 0
    made.run("detect", "-n", "shop")  # so that there is a last report
    made.crash("run", "-n", "shop", "--auto")
    return made


def image(stage: Stage) -> str:
    item = stage.twin.get(CART)
    assert item is not None
    found: str = item["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


def first(outcome: Outcome) -> str:
    return outcome.err.splitlines()[0]


# Everybody is told first


READING = (
    "detect -n shop",
    "diagnose -n shop",
    "plan -n shop",
    "plan show plan.yaml",
    "health -n shop",
    "record -n shop --out other.json.gz",
    "run -n shop --dry-run",
    "journal list",
    "journal verify",
    "report",
    "explain POD102",
    "runbook list",
)


def test_every_command_says_so_first(stage: Stage) -> None:
    for command in READING:
        said = first(stage.run(*shlex.split(command)))
        assert said.startswith("OPEN transaction tx-"), command
        assert "Put back the image that ran before" in said
        assert "stratus recover" in said


def test_doctor_says_so(stage: Stage) -> None:
    outcome = stage.run("doctor")
    assert "OPEN transaction tx-" in outcome.out
    assert outcome.code == 6


WRITING = ("run -n shop --auto", "mitigate -n shop --auto", "undo --last --auto")


def test_no_writing_command_goes_on(stage: Stage) -> None:
    before = image(stage)
    for command in WRITING:
        outcome = stage.run(*shlex.split(command))
        assert outcome.code == 6, command
        assert "was left open; nothing was done" in outcome.err
        assert "next:  Close it first: stratus recover" in outcome.err
        assert image(stage) == before


def test_the_list_and_the_transaction_say_what_is_next(stage: Stage) -> None:
    listed = stage.run("journal", "list")
    assert "1 OPEN: stratus recover" in listed.out.splitlines()[0]
    tx = re.search(r"tx-[0-9a-f]+", listed.out)
    assert tx is not None
    shown = stage.run("journal", "show", tx[0])
    assert shown.out.splitlines()[0].startswith("OPEN")
    assert "NOT KNOWN TO BE APPLIED" in shown.out
    assert "next      stratus recover --rollback" in shown.out


def test_a_healthy_journal_says_nothing(stage: Stage) -> None:
    assert stage.run("recover").code == 0
    for command in ("detect -n shop", "report", "journal list"):
        assert "OPEN" not in stage.run(*shlex.split(command)).err


def test_a_journal_named_by_flag_is_named_in_the_way_out(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    path = str(tmp_path / "my journal.jsonl")
    stage.crash("run", "-n", "shop", "--auto", "--journal", path)
    for command in ("detect -n shop", "report"):
        said = first(stage.run(*shlex.split(command), "--journal", path))
        assert said.endswith(f"stratus recover --journal {shlex.quote(path)}")


# Closing it


def test_recover_rolls_back(stage: Stage, tmp_path: Path) -> None:
    assert image(stage) == "stratus/app:1"
    outcome = stage.run("recover")
    assert outcome.code == 0
    shown = outcome.transcript("stratus recover").replace(str(tmp_path), "~")
    check_golden("recover", shown)
    assert image(stage) == "stratus/app:1.1-rc"
    assert stage.run("recover").out.startswith("no transaction is open")


def test_recover_finishes(stage: Stage) -> None:
    outcome = stage.run("recover", "--finish")
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("COMMITTED")
    assert "undo: stratus undo tx-" in outcome.out
    assert stage.run("detect", "-n", "shop").code == 0


def test_an_old_one_without_a_terminal_is_left_and_that_is_no_success(stage: Stage) -> None:
    stage.wiring.clock().sleep(16 * 60)
    before = image(stage)
    for arguments in (("recover",), ("recover", "--auto")):
        outcome = stage.run(*arguments)
        assert outcome.code == 6
        told = outcome.out + outcome.err
        assert "stratus recover --rollback" in told
        assert image(stage) == before
    assert stage.run("recover", "--rollback").code == 0  # said in so many words: no question


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 6)])
def test_an_old_one_is_shown_and_asked_about(stage: Stage, answer: str, code: int) -> None:
    stage.wiring.clock().sleep(16 * 60)
    outcome = stage.run("recover", typed=f"{answer}\n")
    assert outcome.code == code
    assert "minutes ago by demo: kubectl -n shop set image" in outcome.err
    assert stage.run("journal", "verify").code == 0


def test_recover_as_json_says_what_became_of_it(stage: Stage) -> None:
    made = json.loads(stage.run("recover", "-o", "json").out)
    (tx,) = made["transactions"]
    assert (tx["state"], tx["open"], made["command"]) == ("UNDONE", False, "recover")
