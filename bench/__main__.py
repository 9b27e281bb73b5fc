"""`python -m bench [--write FILE]`: measure, print the table; 1 when a target was missed."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench import host, live, local
from bench.figure import Figure, table
from stratus_cli import __version__


def main(arguments: Sequence[str]) -> int:
    """Measure everything; each figure is said on stderr as it comes."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--write", metavar="FILE", type=Path, help="a Markdown page of the figures")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="stratus-bench-") as folder:
        env = {"XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder, "NO_COLOR": "1"}
        busy = host.busy()
        found = list(_told(env))
    machine = host.size()
    print(f"\nStratus {__version__} on {machine}\n\n{table(found)}", end="")
    if busy:
        print(f"\n{busy}")
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(page(machine, busy, found))
    return 1 if any(figure.verdict == "MISSED" for figure in found) else 0


def page(machine: str, busy: str, figures: Sequence[Figure]) -> str:
    """docs/benchmarks/loop.md."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return (
        "# Figures of the loop\n\n"
        f"Written by `make bench-doc`: Stratus {__version__}, {today}, on {machine}.\n"
        "Wall time of whole processes; memory is the largest resident set.\n\n"
        f"{table(figures)}" + (f"\n{busy}\n" if busy else "")
    )


def _told(env: Mapping[str, str]) -> Iterator[Figure]:
    for source in (local, live):
        for figure in source.figures(env):
            value = "-" if figure.value is None else f"{figure.value:.2f} {figure.unit}"
            print(f"{figure.what}: {value} {figure.verdict}", file=sys.stderr, flush=True)
            yield figure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
