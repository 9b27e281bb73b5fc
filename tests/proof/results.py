"""What the proof has found so far: a file by commit, so that it goes on where it stopped."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.proof.ablations import Count
from tests.proof.courses import Tally

ROOT = Path(__file__).parents[2]


class Results:
    """Tallies by (ground, entry), counts by arm, and the adversary's outcome."""

    def __init__(self, commit: str) -> None:
        self.commit = commit
        self._path = _cache() / f"proof-{commit[:12]}.json"
        self._all = self._read()

    def tally(self, ground: str, entry: str) -> Tally | None:
        """None: not run yet."""
        found = self._all.get(f"{ground}: {entry}")
        return None if found is None else Tally(**found)

    def count(self, arm: str, runs: int) -> Count | None:
        """None: not run yet with so many transactions."""
        found = self._all.get(f"arm {runs}: {arm}")
        return None if found is None else Count(**found)

    def text(self, name: str) -> str:
        """Anything else that was kept; "" when it was not."""
        return str(self._all.get(name, ""))

    def enter_tally(self, ground: str, entry: str, tally: Tally) -> None:
        """Kept at once."""
        self._keep(f"{ground}: {entry}", asdict(tally))

    def enter_count(self, arm: str, runs: int, count: Count) -> None:
        """Kept at once."""
        self._keep(f"arm {runs}: {arm}", asdict(count))

    def enter_text(self, name: str, text: str) -> None:
        """Kept at once."""
        self._keep(name, text)

    def _keep(self, key: str, value: object) -> None:
        """Beside what other parts of the proof, in other processes, have kept meanwhile."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._all = {**self._read(), key: value}
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(self._all), encoding="utf-8")
            new.replace(self._path)

    def _read(self) -> dict[str, Any]:
        if not self._path.exists():
            return {}
        found: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        return found


def commit() -> str:
    """The commit that is checked out."""
    words = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def is_edited() -> bool:
    """Whether files differ from the commit."""
    words = ["git", "status", "--porcelain", "--untracked-files=no", "stratus_cli", "tests/proof"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return bool(done.stdout.strip())


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "stratus"
