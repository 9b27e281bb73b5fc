"""`python -m tests.proof [--write FILE]`: the whole proof; 1 when something does not hold.

Interrupted, it goes on where it was, as long as the commit is the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import Future, as_completed
from datetime import UTC, datetime
from pathlib import Path

from bench import host
from tests.cluster import bed as beds
from tests.proof import ablations, results
from tests.proof.ablations import Count
from tests.proof.courses import Tally
from tests.proof.entry import Entry
from tests.proof.page import GROUNDS, page
from tests.proof.prove import on_real, on_twin, prove
from tests.proof.results import Results
from tests.proof.side_by_side import SideBySide
from tests.proof.table import table

TRANSACTIONS = "STRATUS_PROOF_TRANSACTIONS"
ADVERSARY = "tests/flow/test_adversary.py"
RUN = "proof"


def main() -> int:
    """Everything, in an order that shows trouble early."""
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    parser.add_argument("--write", metavar="FILE", type=Path, help="the page of the figures")
    parser.add_argument("--adversary", type=int, default=10_000, help="transactions")
    parser.add_argument("--trials", type=int, default=1_000, help="transactions of each arm")
    options = parser.parse_args()
    found = Results(results.commit())
    entries = table()
    tallies = {"twin": _on_twin(entries, found), "real cluster": _on_real(entries, found)}
    counts = _arms(options.trials, found)
    adversary = _adversary(options.adversary, found)
    edited = " Files differed from the commit." if results.is_edited() else ""
    head = {
        "commit": found.commit[:12],
        "date": datetime.now(UTC).date().isoformat(),
        "machine": host.size(),
        "edited": edited,
        "adversary": adversary,
    }
    text = page(entries, tallies, counts, head)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    print(text)
    failed = [
        f"{name} on the {ground}"
        for ground in GROUNDS
        for name, tally in tallies[ground].items()
        if tally.failures or tally.equal != tally.undos
    ]
    ours = counts["Stratus"]
    for text in failed:
        print(f"does not hold: {text}", file=sys.stderr)
    return 1 if failed or ours.false_commits or not adversary.startswith("Passed") else 0


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


def _on_real(entries: tuple[Entry, ...], found: Results) -> dict[str, Tally]:
    ground, made = "real cluster", {}
    left = []
    for entry in entries:
        tally = found.tally(ground, entry.name)
        if tally is None:
            left.append(entry)
        else:
            made[entry.name] = tally
    if left:
        with tempfile.TemporaryDirectory(prefix="proof-") as folder:
            bed = beds.open_bed(RUN, Path(folder))
            try:
                with SideBySide(on_real(bed)) as running:
                    begun: dict[Future[Tally], str] = {running.begin(e): e.name for e in left}
                    for future in as_completed(begun):
                        tally = future.result()
                        made[begun[future]] = tally
                        found.enter_tally(ground, begun[future], tally)
                        _say(ground, begun[future], tally)
            finally:
                beds.close_bed(RUN)
    return {entry.name: made[entry.name] for entry in entries}


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
    key = f"adversary {number}"
    if not found.text(key):
        words = [sys.executable, "-m", "pytest", "-q", "--hypothesis-show-statistics", ADVERSARY]
        done = subprocess.run(
            words,
            env={**os.environ, TRANSACTIONS: str(number)},
            capture_output=True,
            text=True,
            check=False,
        )
        last = (done.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")
        word = "Passed" if done.returncode == 0 else "FAILED"
        said = f"{word}: `{TRANSACTIONS}={number} pytest {ADVERSARY}`: {last}."
        if done.returncode == 0:
            found.enter_text(key, said)
        else:
            print(done.stdout, file=sys.stderr)
        return said
    return found.text(key)


def _say(ground: str, name: str, tally: Tally) -> None:
    word = "FAILED" if tally.failures else f"{tally.equal}/{tally.undos}"
    print(f"{ground}: {name}: {word}", file=sys.stderr, flush=True)
    for text in tally.failures:
        print(f"    {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
