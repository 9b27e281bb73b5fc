"""A stage for CLI tests: the real commands on the demo's twin, with text files for a terminal.

Time is the twin's, paths are below the test's own folder: so golden text needs no scrubbing.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from stratus_cli.cli.app import main
from stratus_cli.cli.demonstration import DemoWiring
from stratus_cli.cli.options import Options
from stratus_cli.cli.wiring import Wiring
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.model.ports import Cluster
from tests.fakes.faulty import Crash, FaultyCluster

GOLDEN = Path(__file__).parent.parent / "golden"


class Typed(io.StringIO):
    """Answers as typed on a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    def transcript(self, command: str) -> str:
        """Everything a person would see."""
        err = f"--- stderr\n{self.err}" if self.err else ""
        return f"$ {command}\n{self.out}{err}--- exit {self.code}\n"


class StageWiring(DemoWiring):
    """The demo's, with something between the commands and the twin where a test says so."""

    between: Callable[[Twin], Cluster] | None = None
    person = "demo"

    def cluster(self, options: Options) -> Cluster:
        """The twin, or what stands before it."""
        return self.between(self.twin) if self.between else self.twin

    def who(self) -> str:
        """The person at the keyboard now."""
        return self.person


class Stage:
    """Runs command lines, one after the other, on one twin."""

    def __init__(self, folder: Path) -> None:
        base = Wiring({}, io.StringIO(), io.StringIO(), io.StringIO())
        self.wiring = StageWiring(base, folder)

    @property
    def twin(self) -> Twin:
        """The cluster, for what somebody else does to it."""
        return self.wiring.twin

    def colleague(self, folder: Path, person: str) -> Stage:
        """Somebody else at the same cluster, with another home folder."""
        folder.mkdir(exist_ok=True)
        other = Stage(folder)
        other.wiring.twin, other.wiring.person = self.twin, person
        return other

    def crash(self, *arguments: str, write: int = 1, when: str = "after") -> None:
        """A command whose process dies at this write."""
        faults = {write: f"crash-{when}"}
        faulty = FaultyCluster(self.twin, faults)
        self.wiring.between = lambda _: faulty
        with pytest.raises(Crash):
            self.run(*arguments)
        self.wiring.between = None

    def run(self, *arguments: str, typed: str | None = None) -> Outcome:
        """One command. typed: answers on a terminal; None: there is no terminal."""
        out, err = io.StringIO(), io.StringIO()
        stdin = io.StringIO() if typed is None else Typed(typed)
        self.wiring.stdin, self.wiring.stdout, self.wiring.stderr = stdin, out, err
        code = main(arguments, wiring=self.wiring)
        print(err.getvalue(), file=sys.stderr, end="")  # shown when a test fails
        return Outcome(code, out.getvalue(), err.getvalue())


def check_golden(name: str, text: str) -> None:
    """Compare with tests/golden/NAME.txt; `make golden` writes it instead."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("STRATUS_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    assert path.exists(), f"{path.name} is missing: run `make golden` and read the difference"
    assert text == path.read_text(encoding="utf-8")
