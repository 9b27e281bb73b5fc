"""Stratus' command line as a process of its own, with its own state folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LONGEST_S = 300.0
KEPT = ("PATH", "HOME", "LANG", "USER", "TMPDIR")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @cached_property
    def report(self) -> dict[str, Any]:
        """The JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.out[-6000:]}\n{self.err[-6000:]}"


@dataclass(frozen=True)
class Stratus:
    """How to start it: which cluster, as whom, with which state folder."""

    kubeconfig: str
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def start(
        self,
        *arguments: str,
        module: str = "stratus_cli.cli",
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start a command and do not wait. module: what `python -m` runs. stdin: a file handle."""
        return subprocess.Popen(
            [sys.executable, "-m", module, "--kubeconfig", self.kubeconfig, *arguments],
            cwd=ROOT,
            env={**self._env(), **(env or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, module: str = "stratus_cli.cli", env: Mapping[str, str] | None = None
    ) -> Outcome:
        """Run a command to its end."""
        return ended(self.start(*arguments, module=module, env=env))

    def entries(self) -> list[dict[str, Any]]:
        """The records of its journals as they are on disk, oldest first."""
        texts = [path.read_text("utf-8") for path in (self.folder / "state").glob("**/*.jsonl")]
        lines = [line for text in texts for line in text.splitlines() if line.endswith("}")]
        records = [record for record in map(json.loads, lines) if "tx" in record]
        return sorted(records, key=lambda record: str(record["at"]))

    def _env(self) -> dict[str, str]:
        own = {
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "NO_COLOR": "1",
            "PYTHONFAULTHANDLER": "1",  # a crash says where
        }
        return {**{key: os.environ[key] for key in KEPT if key in os.environ}, **own, **self.env}


def ended(process: subprocess.Popen[str]) -> Outcome:
    """Wait for a command's end. It is killed, and TimeoutExpired raised, after LONGEST_S."""
    try:
        out, err = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Outcome(process.returncode, out, err)
