"""`python -m tests.proof [--write FILE]`: the whole proof; 1 when something does not hold.

Interrupted, it goes on where it was, as long as the commit is the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import host
from tests.cluster import bed as beds
from tests.proof import ablations, results
from tests.proof.ablations import Count
from tests.proof.courses import Tally
from tests.proof.entry import Entry
from tests.proof.page import GROUNDS, Tallies, page
from tests.proof.prove import on_real, on_twin, prove
from tests.proof.results import Results
from tests.proof.side_by_side import SideBySide
from tests.proof.table import table
from tests.turns import TURNS

TRANSACTIONS = "STRATUS_PROOF_TRANSACTIONS"
ADVERSARY = ("tests/flow/test_adversary.py",)
PROCESSES = tuple(
    f"tests/e2e/test_{name}.py" for name in ("ordeals", "around", "secret", "irreversible", "drain")
)
RUN = "proof"
NOT_RUN = "Not run with this commit."
PARTS = ("twin", "real", "trials", "adversary", "processes")


def main() -> int:
    """Everything, in an order that shows trouble early."""
    options = _options()
    found = Results(options.show or results.commit())
    entries = table()
    parts: dict[str, Callable[[], Any]] = {
        "twin": lambda: _on_twin(entries, found),
        "real": lambda: _on_real(entries, found, options.within),
        "trials": lambda: _arms(options.trials, found),
        "adversary": lambda: _adversary(options.adversary, found),
        "processes": lambda: _processes(found),
    }
    if options.only:
        parts[options.only]()
        return 0
    if options.show:
        parts = _known(entries, options.trials, options.adversary, found)
    tallies = {"twin": parts["twin"](), "real cluster": parts["real"]()}
    counts, adversary, processes = (parts[it]() for it in ("trials", "adversary", "processes"))
    edited = not options.show and results.is_edited()
    head = {
        "commit": found.commit[:12],
        "date": datetime.now(UTC).date().isoformat(),
        "machine": host.size(),
        "edited": " Files differed from the commit." if edited else "",
        "adversary": adversary,
        "processes": processes,
    }
    text = page(entries, tallies, counts, head)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    print(text)
    failed = [*_failed(entries, tallies), *_failed_trials(counts)]
    failed += [line for line in (adversary, processes) if not line.startswith("Passed")]
    for text in failed:
        print(f"does not hold: {text}", file=sys.stderr)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    parser.add_argument("--write", metavar="FILE", type=Path, help="the page of the figures")
    parser.add_argument("--adversary", type=int, default=10_000, help="transactions")
    parser.add_argument("--trials", type=int, default=1_000, help="transactions of each arm")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--within", type=float, default=86_400.0, help="seconds, real cluster")
    parser.add_argument("--show", metavar="COMMIT", help="run nothing: what is known of a commit")
    return parser.parse_args()


def _failed(entries: tuple[Entry, ...], tallies: Tallies) -> Iterator[str]:
    for ground in GROUNDS:
        for entry in entries:
            tally = tallies[ground].get(entry.name)
            if tally is None:
                yield f"{entry.name}, not run on the {ground}"
            elif tally.failures or tally.equal != tally.undos:
                yield f"{entry.name} on the {ground}"


def _failed_trials(counts: Mapping[str, Count]) -> Iterator[str]:
    ours = counts.get("Stratus")
    if ours is None or ours.false_commits or ours.harmed:
        yield "no harm in random transactions"


def _known(
    entries: tuple[Entry, ...], trials: int, adversary: int, found: Results
) -> dict[str, Callable[[], Any]]:
    """What has been found so far, part by part."""

    def tallies(ground: str) -> dict[str, Tally]:
        known = {entry.name: found.tally(ground, entry.name) for entry in entries}
        return {name: tally for name, tally in known.items() if tally is not None}

    def counts() -> dict[str, Count]:
        known = {arm: found.count(arm, trials) for arm in ablations.arms()}
        return {arm: count for arm, count in known.items() if count is not None}

    return {
        "twin": lambda: tallies("twin"),
        "real": lambda: tallies("real cluster"),
        "trials": counts,
        "adversary": lambda: found.text(f"adversary {adversary}") or NOT_RUN,
        "processes": lambda: found.text("processes") or NOT_RUN,
    }


def _on_twin(entries: tuple[Entry, ...], found: Results) -> dict[str, Tally]:
    made: dict[str, Tally] = {}
    for entry in entries:
        tally = found.tally("twin", entry.name)
        if tally is None:
            tally = prove(entry, on_twin)
            found.enter_tally("twin", entry.name, tally)
            _say("twin", entry.name, tally)
        made[entry.name] = tally
    return made


def _on_real(entries: tuple[Entry, ...], found: Results, within_s: float) -> dict[str, Tally]:
    """What is not begun within the time is left out."""
    ground = "real cluster"
    known = {entry.name: found.tally(ground, entry.name) for entry in entries}
    made = {name: tally for name, tally in known.items() if tally is not None}
    left = [entry for entry in entries if entry.name not in made]
    if left and within_s > 0:
        with tempfile.TemporaryDirectory(prefix="proof-") as folder:
            bed = beds.open_bed(RUN, Path(folder))
            try:
                made |= _side_by_side(left, bed, found, within_s)
            finally:
                beds.close_bed(RUN)
    return {entry.name: made[entry.name] for entry in entries if entry.name in made}


def _side_by_side(
    left: list[Entry], bed: beds.Bed, found: Results, within_s: float
) -> dict[str, Tally]:
    made: dict[str, Tally] = {}
    until = time.monotonic() + within_s
    # Kinds and actions mixed, so that a part is a sample.
    mixed = sorted(left, key=lambda entry: hashlib.sha256(entry.name.encode()).digest())
    with SideBySide(on_real(bed)) as running:
        begun = {running.begin(entry): entry.name for entry in mixed}
        for future in as_completed(begun):
            if future.cancelled():
                continue
            tally = made[begun[future]] = future.result()
            found.enter_tally("real cluster", begun[future], tally)
            _say("real cluster", begun[future], tally)
            if time.monotonic() > until:
                for other in begun:
                    other.cancel()
    return made


def _arms(number: int, found: Results) -> dict[str, Count]:
    made: dict[str, Count] = {}
    for arm, patch in ablations.arms().items():
        count = found.count(arm, number)
        if count is None:
            count = ablations.counted(patch, ablations.drawn(number))
            found.enter_count(arm, number, count)
        print(f"{arm}: {count.harmed} of {count.runs} harmed", file=sys.stderr, flush=True)
        made[arm] = count
    return made


def _adversary(number: int, found: Results) -> str:
    """One line: whether every invariant held in so many transactions."""
    return _tests(f"adversary {number}", f"{TRANSACTIONS}={number}", ADVERSARY, found)


def _processes(found: Results) -> str:
    """One line: what became of real processes on the real cluster."""
    return _tests("processes", f"{TURNS}=all", PROCESSES, found)


def _tests(key: str, setting: str, files: tuple[str, ...], found: Results) -> str:
    if known := found.text(key):
        return known
    name, _, value = setting.partition("=")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *files],
        env={**os.environ, name: value, "STRATUS_REQUIRE_CLUSTER": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    last = (done.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")
    word = "Passed" if done.returncode == 0 else "FAILED"
    said = f"{word}: `{setting} pytest {' '.join(files)}`: {last}."
    if done.returncode == 0:
        found.enter_text(key, said)
    else:
        print(done.stdout, file=sys.stderr)
    return said


def _say(ground: str, name: str, tally: Tally) -> None:
    word = "FAILED" if tally.failures else f"{tally.equal}/{tally.undos}"
    print(f"{ground}: {name}: {word}", file=sys.stderr, flush=True)
    for text in tally.failures:
        print(f"    {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
