"""stratus health --compare: two moments, or two recordings, for a person and for a CI job."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from stratus_cli.cli.app import main
from stratus_cli.cli.wiring import Wiring
from stratus_cli.model.ref import Ref
from tests.cli.stage import Outcome, Stage

CART = "shop/Deployment/cart"


def replay(folder: Path, *arguments: str) -> Outcome:
    """A command on recordings alone."""
    out, err = io.StringIO(), io.StringIO()
    env = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    code = main(arguments, wiring=Wiring(env, io.StringIO(), out, err))
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture
def recordings(tmp_path: Path) -> tuple[Stage, str, str]:
    """The demo with its fault, and after somebody put the image back."""
    stage = Stage(tmp_path)
    sick, well = str(tmp_path / "sick.json"), str(tmp_path / "well.json")
    assert stage.run("record", "-n", "shop", "--out", sick).code == 0
    item = stage.twin.get(Ref("Deployment", "shop", "cart"))
    assert item is not None
    item["spec"]["template"]["spec"]["containers"][0]["image"] = "stratus/app:1"
    stage.twin.replace(item)
    stage.twin.advance(60)
    assert stage.run("record", "-n", "shop", "--out", well).code == 0
    return stage, sick, well


def test_two_recordings(recordings: tuple[Stage, str, str], tmp_path: Path) -> None:
    """The first line is the answer; worse ones come first and fail the command."""
    _, sick, well = recordings
    better = replay(tmp_path, "--from", well, "health", "--compare", sick)
    first, _, *rows = better.out.splitlines()
    assert first.startswith("no unit is worse than at 2026-11-24 ")
    assert better.code == 0
    (row,) = rows
    assert row == f"better    {CART}: stage none -> ready, problems POD102 -> none"
    worse = replay(tmp_path, "--from", sick, "health", "--compare", well)
    first, _, row = worse.out.splitlines()
    assert first.startswith("1 unit worse or gone since 2026-11-24 ")
    assert row == f"worse     {CART}: stage ready -> none, problems none -> POD102"
    assert worse.code == 1


def test_now_against_a_recording_as_json(
    recordings: tuple[Stage, str, str], tmp_path: Path
) -> None:
    """The same report, with what moved in it."""
    stage, sick, well = recordings
    found = stage.run("health", "-n", "shop", "--compare", sick, "-o", "json")
    (change,) = json.loads(found.out)["health"]["since"]["changes"]
    assert (change["ref"], change["change"]) == (CART, "better")
    assert found.code == 0
    same = replay(tmp_path, "--from", well, "health", "--compare", well, "-o", "json")
    assert json.loads(same.out)["health"]["since"]["changes"] == []
    plain = replay(tmp_path, "--from", well, "health", "-o", "json")
    assert "since" not in json.loads(plain.out)["health"]


def test_a_unit_that_is_gone_fails_and_one_that_was_not_read_does_not(
    recordings: tuple[Stage, str, str], tmp_path: Path
) -> None:
    """Not seen is not gone."""
    _, _, well = recordings
    content = json.loads(Path(well).read_text())
    gone, unread = tmp_path / "gone.json", tmp_path / "unread.json"
    content["objects"]["Service"] = []
    gone.write_text(json.dumps(content))
    found = replay(tmp_path, "--from", str(gone), "health", "--compare", well)
    assert found.code == 1
    assert "gone      shop/Service/cart" in found.out.splitlines()
    del content["objects"]["Service"]
    content["gaps"].append({"subject": "Service", "reason": "forbidden"})
    unread.write_text(json.dumps(content))
    found = replay(tmp_path, "--from", str(unread), "health", "--compare", well)
    assert found.code == 3
    assert "unread    shop/Service/cart" in found.out.splitlines()
