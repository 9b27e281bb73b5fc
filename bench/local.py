"""What needs no cluster: start-up and the demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.figure import Figure
from bench.process import STRATUS, CommandFailedError, measure

HELP_RUNS = 15
DEMO_RUNS = 3


def figures(env: Mapping[str, str]) -> Iterator[Figure]:
    """`stratus --help` and `stratus demo`."""
    helped = measure([STRATUS, "--help"], env, count=HELP_RUNS)
    note = f"median of {HELP_RUNS} runs"
    yield Figure("stratus --help", helped.wall_s * 1000, "ms", 150, note)
    yield Figure("stratus --help, peak memory", helped.peak_mb, "MB", note=note)
    try:
        told = measure([STRATUS, "demo"], env, count=DEMO_RUNS)
        yield Figure("stratus demo", told.wall_s, "s", 5, f"median of {DEMO_RUNS} runs")
    except CommandFailedError as error:
        yield Figure("stratus demo", None, "s", 5, str(error))
