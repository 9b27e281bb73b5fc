"""One command, run several times: how long it takes and how much memory it holds at its peak."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
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


# A child's peak begins at the size of the process that forked it, so a small one does: it runs the
# command, and writes seconds, peak in the system's unit and exit code.
RUNNER = """
import os, sys, time
began = time.perf_counter()
child = os.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - began
print(wall, usage.ru_maxrss, os.waitstatus_to_exitcode(status), file=sys.stderr)
"""


def _once(
    words: Sequence[str], env: Mapping[str, str], well: Collection[int]
) -> tuple[float, float]:
    # As installed: with byte code, which the first run writes in a checkout.
    here = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", RUNNER, *words],
        env={**here, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    wall, peak, code = done.stderr.splitlines()[-1].split()
    if int(code) not in well:
        raise CommandFailedError(f"exit code {code}: {' '.join(words)}")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return float(wall), float(peak) * unit / 1e6
