"""What real processes go through, on a real API server. Each ordeal has a ward of its own.

It leaves, by name, what became of each case. Nothing is judged here.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.tales import Chapters, Scribe
from tests.e2e.ward import FRAIL, Ward, continued, stopped, until
from tests.scenarios.command import Outcome, ended
from tests.scenarios.place import Place
from tests.scenarios.scenario import named
from tests.scenarios.watching import wait_for_symptoms

UNDO = ("undo", "--last", "--accept-loss")
RECORDS = ("begin", "baseline", "intent", "done", "intent", "done", "judged", "end")
"""Of a transaction of two steps that is kept; the same of its undo."""
WAY_BACK = ("intent", "done", "intent", "done", "end")
"""What follows `judged` when it is not kept."""


@dataclass(frozen=True)
class Case:
    """Commands in order. before, after: the objects. kept: as the transaction wants them.

    entries: the journal's records of this case.
    """

    outcomes: tuple[Outcome, ...]
    before: dict[str, Any]
    after: dict[str, Any]
    entries: list[dict[str, Any]]
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def types(self) -> list[str]:
        """What kinds of records there are, in order."""
        return [entry["type"] for entry in self.entries]

    @property
    def states(self) -> list[str]:
        """How the transactions of this case ended."""
        return [entry["state"] for entry in self.entries if entry["type"] == "end"]


Cases = dict[str, Case]


class Witness:
    """Writes down one engineer's cases in one ward."""

    def __init__(self, ward: Ward, name: str = "alice") -> None:
        self.ward = ward
        self.stratus = ward.engineer(name)
        self.cases: Cases = {}
        self._read = 0

    def run(self, *words: str, at: str = "") -> Outcome:
        """One command; at: its traps."""
        if at:
            return self.stratus.run(*words, "--at", at, module=FRAIL)
        return self.stratus.run(*words)

    @contextmanager
    def case(self, name: str) -> Iterator[list[Outcome]]:
        """Run the commands of a case, and see what they left."""
        before = self.ward.state()
        outcomes: list[Outcome] = []
        yield outcomes
        entries = self.stratus.entries()
        self.cases[name] = Case(
            tuple(outcomes), before, self.ward.state(), entries[self._read :], {}
        )
        self._read = len(entries)

    def forget(self) -> None:
        """What the journal holds by now belongs to no case."""
        self._read = len(self.stratus.entries())

    def undone(self) -> None:
        """Back to the beginning, for the next case."""
        done = self.run(*self.ward.words(*UNDO))
        assert done.code == 0, str(done)
        self.forget()


def killed_in_a_mitigation(ward: Ward) -> Cases:
    """kill -9 once record N is on disk, for each N; then recover."""
    witness = Witness(ward)
    for number in range(1, len(RECORDS) + 1):
        with witness.case(f"{number}") as outcomes:
            outcomes.append(witness.run(*ward.execute(), at=f"kill-record-{number}"))
            outcomes.append(witness.run(*ward.words("recover")))
        if number >= RECORDS.index("judged") + 1:
            witness.undone()
    return witness.cases


def killed_in_an_undo(ward: Ward) -> Cases:
    """The same of an undo."""
    witness = Witness(ward)
    for number in range(1, len(RECORDS) + 1):
        if number == 1 or number > RECORDS.index("judged") + 1:
            made = witness.run(*ward.execute())
            assert made.code == 0, str(made)
            witness.forget()
        with witness.case(f"{number}") as outcomes:
            outcomes.append(witness.run(*ward.words(*UNDO), at=f"kill-record-{number}"))
            outcomes.append(witness.run(*ward.words("recover")))
    return witness.cases


def killed_on_the_way_back(ward: Ward) -> Cases:
    """Ctrl-C after both writes, then kill -9 at each record of the way back; then recover."""
    witness = Witness(ward)
    begun = RECORDS.index("judged") + 1
    for number in range(begun, begun + len(WAY_BACK) + 1):
        with witness.case(f"{number - begun}") as outcomes:
            traps = f"int-record-{begun - 1},kill-record-{number}"
            outcomes.append(witness.run(*ward.execute(), at=traps))
            outcomes.append(witness.run(*ward.words("recover")))
    return witness.cases


def two_at_once(ward: Ward) -> Cases:
    """A second engineer while the first one is in the middle; then the first goes on."""
    alice, bob = Witness(ward), Witness(ward, "bob")
    with alice.case("first") as first, stopped(alice.stratus, ward.execute(), "record-4") as one:
        holder = (ward.lease() or {}).get("spec")
        with bob.case("same namespace") as outcomes:
            outcomes.append(bob.run(*ward.execute()))
        with bob.case("same journal") as outcomes:
            outcomes.append(bob.run(*ward.execute(), "--journal", journal_of(alice)))
        first.append(continued(one))
    alice.cases["first"].more.update(pid=one.pid, holder=holder)
    return {**alice.cases, **bob.cases}


def lost_lock(ward: Ward) -> Cases:
    """Somebody takes the Lease away in the middle; later it is given back, and recovered."""
    witness = Witness(ward)
    with witness.case("lost") as outcomes:
        with stopped(witness.stratus, ward.execute(), "record-4") as process:
            lease = ward.lease()
            assert lease is not None
            lease["spec"]["holderIdentity"] = "mallory tx-9"
            ward.api("PUT", ward.lease_path("stratus"), lease)
            between = ward.state()
            outcomes.append(continued(process))
        witness_state = ward.state()
        outcomes.append(witness.run(*ward.words("recover")))
        ward.api("DELETE", ward.lease_path("stratus"))
        outcomes.append(witness.run(*ward.words("recover")))
    witness.cases["lost"].more.update(between=between, left=witness_state)
    return witness.cases


def dead_holder(ward: Ward) -> Cases:
    """The holder is killed: the next engineer is refused until its Lease has run out."""
    ward.make_plan("third", ward.set_mode("three"))
    alice, bob = Witness(ward), Witness(ward, "bob")
    with alice.case("killed") as killed:
        killed.append(alice.run(*ward.execute(), at="kill-record-4"))
        with bob.case("next") as outcomes:

            def tried() -> bool:
                outcomes.append(bob.run(*ward.execute("third")))
                return outcomes[-1].code != 4

            until(tried, "a Lease that has run out", 120)
        killed.append(alice.run(*ward.words("recover")))
    return {**alice.cases, **bob.cases}


def disks(ward: Ward) -> Cases:
    """No room at the beginning; full, or at its limit, between intent and done; read-only."""
    witness = Witness(ward)
    state = ward.folder / "alice" / "state"
    with small_disk(state, "64k"), witness.case("no room") as outcomes:
        outcomes.append(witness.run(*ward.execute()))
    with small_disk(state, "8m"):
        with witness.case("full after the intent") as outcomes:
            outcomes.append(witness.run(*ward.execute(), at="fill-record-3"))
        for path in state.glob("**/full"):
            path.unlink()
        witness.undone()
        with witness.case("limit after the intent") as outcomes:
            outcomes.append(witness.run(*ward.execute(), at="limit-record-3"))
            outcomes.append(witness.run(*ward.words("recover")))
        subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
        with witness.case("read-only") as outcomes:
            outcomes.append(witness.run(*ward.execute()))
            outcomes.append(witness.run(*ward.words(*UNDO)))
            outcomes.append(witness.run("journal", "list"))
    return witness.cases


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own in this folder. Needs root."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def journal_of(witness: Witness) -> str:
    """The engineer's journal."""
    (path,) = (witness.stratus.folder / "state").glob("**/journals/*.jsonl")
    return str(path)


STAGES = {
    "detection": "int-list-1",
    "lock": "int-lease-1",
    "baseline": "int-baseline-1",
    "write": "int-write-1",
    "settling": "int-record-4",
    "watch": "int-record-6",
}
"""Where the one Ctrl-C comes: a trap of tests.e2e.frail."""


def interrupted(place: Place) -> Chapters:
    """Ctrl-C at each stage of `run`, on a shop with one fault."""
    scribe = Scribe(place, "bad-image")

    def stopped_at(stage: str) -> Outcome:
        wait_for_symptoms(place.site, named("bad-image"))
        watch = "60" if stage == "watch" else "0"
        return scribe.command("run", "--watch-for", watch, "--at", STAGES[stage], module=FRAIL)

    for stage in STAGES:
        scribe.chapter(stage, lambda stage=stage: (stopped_at(stage),))  # type: ignore[misc]  # bound at once
    scribe.chapter("undo", lambda: (scribe.command(*UNDO),))
    scribe.chapter("question", lambda: (_interrupted_at_the_question(scribe),))
    return scribe.chapters


def _interrupted_at_the_question(scribe: Scribe) -> Outcome:
    """A terminal to type on; Ctrl-C instead of an answer."""
    place = scribe.place
    wait_for_symptoms(place.site, named("bad-image"))
    ours, theirs = pty.openpty()
    process = place.stratus.start("run", "-n", place.namespace, "-o", "json", stdin=theirs)
    said = bytearray()

    def asked() -> bool:
        assert process.stderr is not None
        handle = process.stderr.fileno()
        if select.select([handle], [], [], 0.1)[0]:
            said.extend(os.read(handle, 1 << 16))
        return b"Apply?" in said or process.poll() is not None

    try:
        until(asked, "a question")
        process.send_signal(signal.SIGINT)
        done = ended(process)
        return Outcome(done.code, done.out, said.decode() + done.err)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        os.close(ours)
        os.close(theirs)
