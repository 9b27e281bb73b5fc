"""The adversary's transactions with a safeguard switched off, counted instead of asserted.

Each arm gets the same transactions: random plans, random faults, somebody else who writes. Units
are counted by the tests' own reading of the twin.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from stratus_cli.flow import gate, mitigate
from stratus_cli.flow.lease import Leases
from stratus_cli.health import verdict
from stratus_cli.model.health import Decision, Verdict
from tests.flow.ordeal import UNITS, Ordeal, Scenario, state
from tests.flow.test_adversary import scenarios
from tests.flow.test_adversary_bites import no_judge, no_precondition, no_roll_back, no_three_way

SETTLE_S = 60.0  # until what was put back runs again: pods here start within 5 s

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass
class Count:
    """How transactions of one arm ended. harmed: a unit serves with fewer pods than before, and
    no other writer did it. false_commits: harmed, and COMMITTED. unlike: not as before although
    UNDONE or BLOCKED. lost: another writer's field was overwritten. left_open: never closed.
    """

    runs: int = 0
    committed: int = 0
    undone: int = 0
    blocked: int = 0
    needs_human: int = 0
    left_open: int = 0
    harmed: int = 0
    false_commits: int = 0
    unlike: int = 0
    lost: int = 0
    roll_back_s: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For the state file."""
        return asdict(self)


class Trial(Ordeal):
    """One transaction, to the end and a minute further."""

    def tried(self, count: Count) -> None:
        """Add what became of it."""
        before, well = state(self.twin), self._serving()
        self.adversary.calls = 0
        self.adversary.schedule = dict(self.scenario.faults)
        self.adversary.on_write = lambda call: None
        ended = self._ended_as(lambda ports: mitigate.execute_plan(self.plan, ports, self._look))
        count.runs += 1
        self._enter(count, ended)
        count.roll_back_s += self._way_back_s(ended)
        self.twin.advance(SETTLE_S)
        touched = {key.partition("/")[2] for key in self.adversary.drifted}
        now = self._serving()
        harmed = any(now[name] < well[name] for name in UNITS if name not in touched)
        count.harmed += harmed
        count.false_commits += harmed and ended == "COMMITTED"
        if ended in ("UNDONE", "BLOCKED", ""):
            count.unlike += bool(self._unlike(before, state(self.twin)))
        try:
            self._check_drifts_kept()
        except AssertionError:
            count.lost += 1

    def _look(self) -> Any:
        return self.stand.observe()

    def _ended_as(self, call: Callable[[Any], object]) -> str:
        try:
            return self._through(call)
        except AssertionError:
            return "open"

    def _enter(self, count: Count, ended: str) -> None:
        name = {"": "blocked", "open": "left_open"}.get(ended, ended.lower())
        setattr(count, name, getattr(count, name) + 1)

    def _way_back_s(self, ended: str) -> Iterator[float]:
        """Virtual seconds from the verdict to the end of the first transaction."""
        if ended != "UNDONE":
            return
        times = {item["type"]: item["at"] for item in self._records()}
        if "judged" in times:
            yield max(0.0, _seconds(times["end"]) - _seconds(times["judged"]))


def arms() -> Mapping[str, Patch]:
    """What is compared, by name: Stratus as it is, without the gate, without one safeguard."""
    return {
        "Stratus": lambda patch: None,
        "control: commit without the gate": _without_gate,
        "-undo": no_roll_back,
        "-baseline": _without_baseline,
        "-fail-closed": _without_fail_closed,
        "-lock": _without_lock,
    }


def drawn(number: int, of: int = 1) -> tuple[Scenario, ...]:
    """So many of the adversary's scenarios, the same ones each time. of: the seed."""
    found: list[Scenario] = []

    @seed(of)
    @settings(
        max_examples=number,
        database=None,
        phases=(Phase.generate,),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios)
    def collect(scenario: Scenario) -> None:
        found.append(scenario)

    collect()
    return tuple(found[:number])


def counted(patch: Patch, trials: Sequence[Scenario]) -> Count:
    """Run them all with the patch in place."""
    count = Count()
    for scenario in trials:
        with tempfile.TemporaryDirectory(prefix="proof-") as folder:
            trial = Trial(scenario, Path(folder))  # planned before anything is switched off
            with pytest.MonkeyPatch.context() as monkeypatch:
                patch(monkeypatch)
                trial.tried(count)
    return count


def _without_gate(patch: pytest.MonkeyPatch) -> None:
    """Nothing is checked before a write, and what was written is kept."""
    no_judge(patch)
    patch.setattr(mitigate, "_refused", lambda *parts: ())


def _without_baseline(patch: pytest.MonkeyPatch) -> None:
    """What is compared with is how it was just after the write, not before it."""
    consider = gate.Watch._consider  # noqa: SLF001  # the place where the baseline is used

    def late(self: gate.Watch, seen: gate.Look) -> gate.Outcome | None:
        if not self._samples:
            self._before = (seen.health,)
        return consider(self, seen)

    patch.setattr(gate.Watch, "_consider", late)


def _without_fail_closed(patch: pytest.MonkeyPatch) -> None:
    """What is not seen to be worse is kept: time-outs, and what cannot be read any more."""
    until_sure = gate.Watch.until_sure

    def hopeful(self: gate.Watch) -> gate.Outcome:
        outcome = until_sure(self)
        said = outcome.verdict.reasons[0] if outcome.verdict.reasons else ""
        unknown = ("not settled", "nothing moved", "the API server did not answer")
        if outcome.verdict.decision is Decision.ROLL_BACK and said.startswith(unknown):
            kept = Verdict(Decision.COMMIT, ("nothing is known to be worse",))
            return gate.Outcome(kept, outcome.health, outcome.waited_s, outcome.since)
        return outcome

    patch.setattr(gate.Watch, "until_sure", hopeful)
    patch.setattr(verdict, "_unknown", lambda *parts: ())


def _without_lock(patch: pytest.MonkeyPatch) -> None:
    """No Lease, no precondition on what is written, no look at who wrote since."""
    patch.setattr(Leases, "check", lambda self: None)
    no_precondition(patch)
    no_three_way(patch)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
