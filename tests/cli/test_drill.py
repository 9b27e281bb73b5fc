"""`stratus drill` on the command line: what is refused, and what is said."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from stratus_cli.cli.app import main
from stratus_cli.cli.wiring import Wiring
from stratus_cli.drill.app import names as app_names
from stratus_cli.drill.fault import names
from tests.cluster.apiserver import ApiServer, kubeconfig, serving


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


def drill(folder: Path, *words: str, **env: str) -> Said:
    """Run one drill command in this process."""
    out, err = io.StringIO(), io.StringIO()
    home = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    wiring = Wiring({**home, **env}, io.StringIO(), out, err)
    return Said(main(["drill", *words], wiring=wiring), out.getvalue(), err.getvalue())


def test_every_fault_is_listed(tmp_path: Path) -> None:
    """One line each, with the apps it fits; no cluster is asked."""
    said = drill(tmp_path, "list")
    assert said.code == 0, said.err
    assert [line.split()[0] for line in said.out.splitlines()] == list(names())
    assert all(set(line.split()[2].split(",")) <= {*app_names()} for line in said.out.splitlines())


def test_a_fault_is_shown_whole(tmp_path: Path) -> None:
    """Injection, symptom, root, of each variant."""
    said = drill(tmp_path, "show", "target-port")
    assert said.code == 0, said.err
    assert "targetPort: 9999" in said.out
    assert "case: target-port/" in said.out


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "target-port", "--all"),
        ("run", "target-port", "--variants", "some"),
        ("show", "no-such-fault"),
        ("inject", "target-port", "--from", "recording.json"),
    ],
)
def test_what_makes_no_sense_is_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Exit 2, in words."""
    said = drill(tmp_path, *words)
    assert said.code == 2, said.err
    assert said.err


def test_a_protected_context_gets_no_fault(tmp_path: Path) -> None:
    """Refused before anything is written."""
    with serving(ApiServer([])) as server:
        access = ("--kubeconfig", kubeconfig(tmp_path, server.url))
        for words in (("inject", "target-port"), ("heal", "target-port"), ("run", "--all")):
            said = drill(tmp_path, *words, *access, STRATUS_PROTECTED="ben*")
            assert said.code == 4, said.err
            assert "protected" in said.err
        reviews = "selfsubjectreviews"
        written = [path for method, path, _ in server.requests if method != "GET"]
        assert all(path.endswith(reviews) for path in written)


def test_there_is_no_such_control(tmp_path: Path) -> None:
    """The known ones are named."""
    said = drill(tmp_path, "run", "target-port", "--control", "luck")
    assert said.code == 2
    assert "do-nothing" in said.err
