"""No byte of a Secret leaves its Secret: every command, in text and JSON, also when it crashes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cli.stage import Outcome, Stage
from tests.fakes.faulty import Crash, FaultyCluster

OLD, USER, NEW, TEXT = "planted-old-5a", "planted-user-5b", "planted-new-5c", "planted-text-5d"
SET = f'kubectl -n shop patch secret/db -p \'{{"stringData":{{"password":"{NEW}"}}}}\''
GIVEN = f"kubectl -n shop set image deployment/cart app=stratus/app:1\n{SET}\n"
RENAME = (
    "kubectl -n shop patch secret/db --type=json -p"
    ' \'[{"op":"move","from":"/data/password","path":"/data/pass"}]\''
)
TYPED = f"e\n{GIVEN}\ny\n"  # edit, the lines, and yes to their plan
MALFORMED = f'e\nkubectl -n shop patch secret/db -p \'{{"password": "{NEW}\'\n\nn\n'


class Play:
    """Commands on one stage, and all that they told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = str(folder / "journal.jsonl")
        self.stage = Stage(folder)
        meta = {
            "name": "db",
            "namespace": "shop",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": TEXT},
        }
        data = {"password": OLD, "user": USER}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}
        self.stage.twin.create(secret)
        self.told: list[str] = []

    def run(self, *arguments: str, typed: str | None = None) -> Outcome:
        """Another process each time."""
        self.stage.twin.forget()
        outcome = self.stage.run(*arguments, "--journal", self.journal, "-v", typed=typed)
        self.told += [outcome.out, outcome.err]
        return outcome

    def fails_at(self, number: int, fault: str) -> None:
        self.stage.wiring.between = lambda twin: FaultyCluster(twin, {number: fault})

    def values(self) -> dict[str, dict[str, str]]:
        return {
            item["metadata"]["name"]: {
                key: base64.b64decode(value).decode() for key, value in item["data"].items()
            }
            for item in self.stage.twin.peek("Secret", "shop")
        }

    def check(self) -> None:
        """Neither what was said nor any file has a planted value."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        texts = [text.encode() for text in self.told] + [path.read_bytes() for path in files]
        for value in (OLD, USER, NEW, TEXT):
            for form in (value.encode(), base64.b64encode(value.encode())):
                assert not [text for text in texts if form in text]


def test_a_whole_story(tmp_path: Path) -> None:
    """A value is set at the prompt, shown, undone, redone and pruned; a rename by plan file."""
    play = Play(tmp_path)
    assert play.run("run", "-n", "shop", typed=TYPED).code == 0
    assert play.values()["db"] == {"password": NEW, "user": USER}
    play.run("journal", "list")
    tx = play.told[-2].split("tx-")[1][:8]
    play.run("journal", "show", f"tx-{tx}")
    assert f"stratus-pre-tx-{tx}" in play.told[-2]
    play.run("journal", "export", f"tx-{tx}")
    assert play.run("undo", "--last", "--accept-loss", "--auto", "-n", "shop").code == 0
    assert play.values()["db"] == {"password": OLD, "user": USER}
    plan = str(tmp_path / "plan.yaml")
    assert play.run("plan", RENAME, "-n", "shop", "--out", plan).code == 0
    assert play.run("plan", "show", plan).code == 0
    assert play.run("mitigate", "--plan", plan, "--auto", "-n", "shop").code == 0
    assert play.values()["db"] == {"pass": OLD, "user": USER}
    play.run("record", "--out", str(tmp_path / "seen.json"))
    play.run("report", "-o", "json")
    assert len([name for name in play.values() if name.startswith("stratus-pre-")]) == 2
    play.stage.twin.advance(1)
    assert play.run("journal", "prune", "--older-than", "0s", typed="y\n").code == 0
    assert not [name for name in play.values() if name.startswith("stratus-pre-")]
    play.check()


def test_prune_deletes_nothing_when_it_may_not(tmp_path: Path) -> None:
    """Neither a pre-image nor the transaction that needs it goes alone."""
    play = Play(tmp_path)
    assert play.run("run", "-n", "shop", typed=TYPED).code == 0
    play.stage.twin.advance(1)
    before = (play.values(), Path(play.journal).read_bytes())
    play.fails_at(1, "forbidden")
    assert play.run("journal", "prune", "--older-than", "0s", typed="y\n").code == 7
    assert (play.values(), Path(play.journal).read_bytes()) == before


def test_a_given_value_goes_into_no_plan_file(tmp_path: Path) -> None:
    play = Play(tmp_path)
    file = tmp_path / "plan.yaml"
    refused = play.run("plan", SET, "-n", "shop", "--out", str(file))
    assert refused.code == 4
    assert "a plan file may not carry a Secret's value" in refused.err
    assert not file.exists()
    play.check()


def test_a_malformed_line_is_not_repeated(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.run("run", "-n", "shop", typed=MALFORMED)
    play.run("plan", f"kubectl -n shop patch secret/db {NEW}", "-n", "shop")
    play.run("plan", f"kubectl -n shop patch secret/db -p {NEW}", "-n", "shop", "-o", "json")
    play.check()


COMMANDS = st.sampled_from(
    [
        ("run", "-n", "shop"),
        ("mitigate", "-n", "shop"),
        ("plan", RENAME, "-n", "shop"),
        ("plan", GIVEN, "-n", "shop"),
        ("undo", "--last", "--accept-loss", "--auto"),
        ("recover", "--rollback"),
        ("recover", "--finish"),
        ("journal", "list"),
        ("journal", "verify"),
        ("report",),
        ("health", "-n", "shop"),
    ]
)
FAULTS = st.sampled_from(["", "crash-before", "crash-after", "error-applied", "forbidden"])
STEPS = st.tuples(COMMANDS, FAULTS, st.integers(1, 5), st.sampled_from(["text", "json"]))


@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],
)
@given(steps=st.lists(STEPS, min_size=1, max_size=4))
def test_nothing_is_told_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[tuple[str, ...], str, int, str]]
) -> None:
    """Commands in any order after one that set a value, each failing in its way."""
    play = Play(tmp_path_factory.mktemp("play"))
    play.run("run", "-n", "shop", typed=TYPED)
    for command, fault, number, form in steps:
        if fault:
            play.fails_at(number, fault)
        try:
            play.run(*command, "-o", form, typed=TYPED)
        except Crash:
            pass
        play.stage.wiring.between = None
    play.check()
