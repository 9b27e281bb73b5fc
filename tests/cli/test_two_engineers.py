"""Two people at one cluster: the second one reads who is at it, where and since when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stratus_cli.model.ref import Ref
from tests.cli.stage import Outcome, Stage
from tests.fakes.faulty import FaultyCluster


@pytest.fixture
def alice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    made = Stage(tmp_path)
    made.wiring.person = "alice@laptop"
    return made


def during_the_write(stage: Stage, act: Callable[[], Outcome]) -> tuple[Outcome, Outcome]:
    """(the first run, what the second one did just before its first write)."""
    seen: list[Outcome] = []

    def second(ref: Ref) -> None:
        if not seen:
            seen.append(act())

    faulty = FaultyCluster(stage.twin, before_write=second)
    stage.wiring.between = lambda _: faulty
    first = stage.run("run", "-n", "shop", "--auto")
    stage.wiring.between = None
    (other,) = seen
    return first, other


def test_with_journals_of_their_own_the_lease_keeps_them_apart(
    alice: Stage, tmp_path: Path
) -> None:
    bob = alice.colleague(tmp_path / "bob", "bob@desk")
    first, second = during_the_write(alice, lambda: bob.run("run", "-n", "shop", "--auto"))
    assert first.code == 0, first.err
    assert second.code == 4
    assert "stratus: somebody else is writing here: alice@laptop tx-" in second.err
    assert "where: namespace shop, since 2026-11-24T10:01:0" in second.err
    assert "next:  Nothing was written. Wait" in second.err


def test_with_one_journal_its_lock_keeps_them_apart(alice: Stage, tmp_path: Path) -> None:
    shared = str(tmp_path / "shared.jsonl")
    bob = alice.colleague(tmp_path / "bob", "bob@desk")
    seen: list[Outcome] = []

    def second(ref: Ref) -> None:
        if not seen:
            seen.append(bob.run("run", "-n", "shop", "--auto", "--journal", shared))

    faulty = FaultyCluster(alice.twin, before_write=second)
    alice.wiring.between = lambda _: faulty
    first = alice.run("run", "-n", "shop", "--auto", "--journal", shared)
    assert first.code == 0, first.err
    (other,) = seen
    assert other.code == 4
    assert "stratus: the journal is in use by " in other.err
    assert "(process " in other.err
    assert "since 20" in other.err
    assert "next:  " in other.err


@pytest.mark.parametrize("words", [("detect", "-n", "shop"), ("journal", "list"), ("report",)])
def test_reading_is_free_meanwhile(alice: Stage, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A transaction that somebody is making is no open one, and nobody is sent to recover it."""
    bob = alice.colleague(tmp_path / "bob", "bob@desk")
    bob.wiring.env = alice.wiring.env  # the same home folder: another terminal of one person
    _, second = during_the_write(alice, lambda: bob.run(*words))
    assert "is being made now by " in second.err.splitlines()[0]
    assert "recover" not in second.err


def test_what_the_first_one_repaired_is_nothing_to_do(alice: Stage, tmp_path: Path) -> None:
    bob = alice.colleague(tmp_path / "bob", "bob@desk")
    assert bob.run("plan", "-n", "shop", "--out", str(tmp_path / "bob.yaml")).code == 1
    assert alice.run("run", "-n", "shop", "--auto").code == 0
    assert bob.run("run", "-n", "shop", "--auto").code == 0
    late = bob.run("mitigate", "--plan", str(tmp_path / "bob.yaml"), "--auto", "-n", "shop")
    assert late.code == 4
    assert late.out.startswith("BLOCKED")
    assert "is gone by itself" in late.out
