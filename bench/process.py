"""One command, run several times: how long it takes and how much memory it holds at its peak."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STRATUS = str(Path(sys.executable).with_name("stratus"))


class CommandFailedError(Exception):
    """The command ended with an exit code that it should not have."""


@dataclass(frozen=True)
class Runs:
    """Medians over several runs. wall_s: from start to end. peak_mb: largest resident set."""

    wall_s: float
    peak_mb: float
    count: int


def measure(
    words: Sequence[str],
    env: Mapping[str, str],
    *,
    count: int,
    well: Collection[int] = (0,),
) -> Runs:
    """Run it once to warm the page cache, then `count` times. well: exit codes that may come."""
    runs = [_once(words, env, well) for _ in range(count + 1)][1:]
    return Runs(
        statistics.median(wall for wall, _ in runs),
        statistics.median(peak for _, peak in runs),
        count,
    )


def _once(
    words: Sequence[str], env: Mapping[str, str], well: Collection[int]
) -> tuple[float, float]:
    # As installed: with byte code, which the first run writes in a checkout.
    here = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    child = subprocess.Popen(
        words, env={**here, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in well:
        raise CommandFailedError(f"exit code {child.returncode}: {' '.join(words)}")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return wall, usage.ru_maxrss * unit / 1e6
