"""One transaction against the adversary, and the invariants, checked on the twin and the file."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path as Folder
from typing import Any

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.recover import recover
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.journal.file import FileJournal, read_entries
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.entry import Intent
from stratus_cli.model.errors import StratusError
from stratus_cli.model.plan import Plan
from tests.fakes.adversary import Adversary, Call, key_of, wished
from tests.fakes.faulty import Crash
from tests.flow.fields import MISSING, Path, at, differing
from tests.flow.small import CART, KINDS, LIMITS, NOTHING, Item, creation, world
from tests.flow.stand import Stand

TERMINAL = ("COMMITTED", "UNDONE", "BLOCKED", "NEEDS_HUMAN")
CLOSED = ("done", "failed")
RECOVERIES = 3  # with faults; one more without must always do
UNITS = ("cart", "web")

State = dict[str, Item]


@dataclass(frozen=True)
class Scenario:
    """What is tried. lines: kubectl, or whole objects to create; faults: by number of API call.

    repair: the plan says that it repairs cart. then_undo: undo it when it is committed.
    prefix: at the end the journal is cut after so many records (modulo) and recovered.
    """

    lines: tuple[str | dict[str, Any], ...]
    faults: dict[int, str] = field(default_factory=dict)
    repair: bool = False
    mode: str = "rollback"
    then_undo: bool = False
    prefix: int = 0


class Ordeal:
    """Runs one scenario. AssertionError: an invariant does not hold."""

    def __init__(self, scenario: Scenario, folder: Folder) -> None:
        self.scenario = scenario
        self.twin = Twin(world())
        self.adversary = Adversary(self.twin, on_write=self._note_write)
        self.violations: list[str] = []
        self.stand = Stand(self.twin, self.adversary, folder, limits=LIMITS)  # type: ignore[arg-type]
        self.adversary.press = self._press
        self.plan = self._plan()
        self.planned = _planned_fields(self.plan)
        self.folder = folder

    def run(self) -> str:
        """The state in which the transaction ended, "" when it never began."""
        before, well = state(self.twin), self._serving()
        self.adversary.calls = 0  # what was read to make the plan
        self.adversary.schedule = dict(self.scenario.faults)
        first = self._through(lambda ports: execute_plan(self.plan, ports, self.stand.observe))
        self._check_end(first, before, state(self.twin), well)
        if first == "COMMITTED" and self.scenario.then_undo:
            after = state(self.twin)
            second = self._through(self._undo)
            if second == "COMMITTED":
                self._check_equal(before, "the undo was committed")
            elif second != "NEEDS_HUMAN":
                self._check_equal(after, f"the undo is {second or 'not begun'}")
        self._check_drifts_kept()
        self._check_prefix(first, before)
        assert not self.violations, self.violations
        return first

    def _press(self) -> None:
        self.stand.interrupt.requested = True

    def _undo(self, ports: Any) -> object:
        return undo(ports, Selector(last=True), accept_loss=True, observe=self.stand.observe)

    def _plan(self) -> Plan:
        """As many of the lines as make a plan together."""
        graph = Graph(self.stand.observe())
        lines = list(self.scenario.lines)
        while True:
            typed = [line for line in lines if isinstance(line, str)]
            made = plan_from_lines(typed or [NOTHING], self.stand.reading(), graph, "shop")
            if made.plan is not None:
                break
            lines.remove(typed[-1])  # no plan, so at least one was typed
        steps = list(made.plan.steps) if typed else []
        for index, line in enumerate(lines):
            if not isinstance(line, str):
                steps.insert(index, creation(line))
        plan = replace(made.plan, steps=tuple(steps or made.plan.steps))
        if self.scenario.repair:
            plan = replace(plan, targets=(CART,), roots=(("POD102", CART),))
        return plan

    def _through(self, call: Callable[[Any], object]) -> str:
        """Do it, and recover until it is closed. The state of the new transaction in the file."""
        known = len(self._ended())
        self._try(call)
        for attempt in range(RECOVERIES + 1):
            if not self._open():
                break
            self.adversary.revive()
            self.stand.interrupt.requested = False
            self.twin.advance(31)
            if attempt == RECOVERIES:
                self.adversary.calm()
                self.twin.advance(120)
            self._try(lambda ports: recover(ports, self.scenario.mode, self.stand.observe))
        assert not self._open(), "recover could not close it"
        self.adversary.revive()
        self.adversary.calm()
        self.stand.interrupt.requested = False
        self.twin.advance(1)
        ended = self._ended()[known:]
        assert len(ended) <= 1, "one transaction has one end"
        assert all(item["state"] in TERMINAL for item in ended)
        return str(ended[0]["state"]) if ended else ""

    def _try(self, call: Callable[[Any], object]) -> None:
        """Only errors for a person, a crash or a second interrupt may come out."""
        try:
            with self.stand.ports() as ports:
                call(ports)
        except (StratusError, Crash, KeyboardInterrupt):
            pass

    # What the file says, read as plain JSON

    def _records(self) -> list[dict[str, Any]]:
        path = self.folder / "journal.jsonl"
        lines = path.read_bytes().rstrip(b"\0").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines[1:]]

    def _ended(self) -> list[dict[str, Any]]:
        return [item for item in self._records() if item["type"] == "end"]

    def _open(self) -> bool:
        begun = {item["tx"] for item in self._records() if item["type"] == "begin"}
        return bool(begun - {item["tx"] for item in self._ended()})

    # The invariants

    def _note_write(self, call: Call) -> None:
        """Raised here, it would be taken for a defect of a flow, and be rolled back."""
        try:
            self._check_write(call)
        except AssertionError as error:
            self.violations.append(str(error))

    def _check_write(self, call: Call) -> None:
        """Planned, and with an intent on disk that says just this."""
        key = key_of(call.ref)
        assert key in self.planned, f"{key} is not in the plan"
        fields = self.planned[key]
        if call.before is not None and call.after is not None:
            version = call.after["metadata"].get("resourceVersion")
            stale = version not in (None, call.before["metadata"]["resourceVersion"])
            # What is stale will be refused.
            changed = {} if stale else differing(wished(call.before), wished(call.after))
            beside = [path for path in changed if fields is not None and not _under(path, fields)]
            assert not beside, f"written beside the plan: {key} {beside}"
        else:
            assert fields is None, f"{key} may be changed, but neither made nor deleted"
        records = self._records()
        assert records, "nothing is on disk"
        last = records[-1]
        if call.before is not None and call.after is not None and last["type"] in CLOSED:
            # Fields that were put back go to their former owners, by a request that changes none.
            # "failed": the way back found them put back already, by a write that had no answer.
            assert stale or not changed, f"written without an intent: {key} {changed}"
            return
        assert last["type"] == "intent", f"the last record before a write is {last['type']}"
        assert (last["ref"]["kind"], last["ref"]["name"]) == (call.ref.kind, call.ref.name)
        said = last["after"]
        assert (said is None) == (call.after is None), "the intent is for another kind of write"
        if call.after is not None:
            assert wished(said) == wished(call.after), "the intent says something else"

    def _check_end(self, ended: str, before: State, after: State, well: dict[str, int]) -> None:
        if ended == "COMMITTED":
            touched = {key.partition("/")[2] for key in self.adversary.drifted}
            now = self._serving()
            worse = [name for name in UNITS if name not in touched and now[name] < well[name]]
            assert not worse, f"committed, and worse: {worse}"
        elif ended == "NEEDS_HUMAN":
            self._check_all_told(before, after)
        else:
            self._check_equal(before, f"the transaction is {ended or 'not begun'}")

    def _check_equal(self, wanted: State, why: str) -> None:
        left = self._unlike(wanted, state(self.twin))
        assert not left, f"{why}, but not as before: {left}"

    def _check_all_told(self, before: State, after: State) -> None:
        """Whatever is not as before is named to the human."""
        told = {item["ref"].partition("/")[2] for item in self._ended()[-1]["unrestored"]}
        silent = [key for key, _ in self._unlike(before, after) if key not in told]
        assert told, "a human is needed, and is not told for what"
        assert not silent, f"not restored and not told: {silent}"

    def _check_drifts_kept(self) -> None:
        """Nobody's field was overwritten. An object that the plan deletes takes its own along."""
        now = state(self.twin)
        for key, fields in self.adversary.drifted.items():
            if key not in now or key in self.adversary.remade:
                continue
            for path, value in fields.items():
                found = at(now[key], path)
                assert found == value, f"somebody's {key} {path} = {value} became {found}"

    def _unlike(self, wanted: State, found: State) -> list[tuple[str, Path]]:
        """Fields that differ and are not the other writer's."""
        left: list[tuple[str, Path]] = []
        for key in sorted({*wanted, *found}):
            if key in self.adversary.remade:
                continue
            theirs = self.adversary.drifted.get(key, {})
            if (key in wanted) != (key in found):
                left.append((key, ()))
                continue
            changed = differing(wanted[key], found[key])
            left += [(key, path) for path in changed if path not in theirs]
        return left

    def _check_prefix(self, ended: str, before: State) -> None:
        """The journal cut after any record is closed; of what it knows, nothing stays."""
        path = self.folder / "journal.jsonl"
        whole = read_entries(path) if path.exists() else ()
        if not whole:
            return
        kept = whole[: 1 + self.scenario.prefix % len(whole)]
        with tempfile.TemporaryDirectory() as name:
            other = Stand(self.twin, self.adversary, Folder(name), limits=LIMITS)  # type: ignore[arg-type]
            file = Folder(name) / "journal.jsonl"
            with FileJournal(file, self.twin.identity(), redactor=Redactor(b"test")) as journal:
                for entry in kept:
                    journal.append(entry)
            self.adversary.on_write = lambda call: None
            self.twin.advance(31)  # whoever took the lock keeps it for 30 s
            with other.ports() as ports:
                report = recover(ports, "rollback", other.observe)
        assert not any(tx.open for tx in report.transactions), report.transactions
        states = [tx.state.value for tx in report.transactions]
        cut = any(isinstance(entry, Intent) for entry in whole[len(kept) :])
        if states == ["UNDONE"] and not cut and not self.scenario.then_undo:
            self._check_equal(before, "recovered from a prefix")

    def _serving(self) -> dict[str, int]:
        """Ready pods that a Service sends requests to, by unit: the test's own count."""
        counts = dict.fromkeys(UNITS, 0)
        for piece in self.twin.peek("EndpointSlice", "shop"):
            name = piece["metadata"]["labels"].get("kubernetes.io/service-name", "")
            ready = [
                end
                for end in piece.get("endpoints") or ()
                if (end.get("conditions") or {}).get("ready")
            ]
            if name in counts:
                counts[name] += sum(len(end["addresses"]) for end in ready)
        return counts


def state(twin: Twin) -> State:
    """What people set, by object."""
    return {
        f"{kind}/{item['metadata']['name']}": copy.deepcopy(wished(item))
        for kind in KINDS
        for item in twin.peek(kind, "shop")
    }


def ordeal(scenario: Scenario) -> str:
    """Run it in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        return Ordeal(scenario, Folder(name)).run()


def _planned_fields(plan: Plan) -> dict[str, set[Path] | None]:
    """By object: the fields that the plan changes; None when it makes or deletes the object."""
    found: dict[str, set[Path] | None] = {}
    for step in plan.steps:
        change, key = step.change, key_of(step.change.ref)
        known = found.setdefault(key, set())
        if change.before is None or change.after is None:
            found[key] = None
        elif known is not None:
            known |= set(differing(wished(change.before), wished(change.after)))
    return found


def _under(path: Path, fields: set[Path]) -> bool:
    """A field of the plan, or part of one: a list may be compared whole or by element."""
    return any(path[: len(item)] == item or item[: len(path)] == path for item in fields)


__all__ = ["MISSING", "Ordeal", "Scenario", "ordeal", "state"]
