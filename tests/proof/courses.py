"""The courses: what is done with each action, and what must hold. AssertionError when it does not.

Judged by raw reads. Every undo that must bring the state back is counted, and whether it did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.graph import Graph
from stratus_cli.model.errors import Refused
from stratus_cli.model.plan import Plan
from stratus_cli.model.report import TransactionReport
from tests.flow.fields import MISSING, Path, at, differing
from tests.proof.edits import END, Edit, Item
from tests.proof.entry import ANY, MAYBE, Entry
from tests.proof.ground import Ground
from tests.proof.health import serving, unready
from tests.proof.state import State, last_applied, unlike

TOUCH: Path = ("metadata", "annotations", "proof.example/touch")
FOLLOWS_WITHIN_S = 15.0  # a controller's answer to what was put back, as a cordoned node's taint
WELL_WITHIN_S = 90.0


@dataclass
class Tally:
    """undos, equal: how many had to bring the state back, and did. Times in the ground's seconds.

    undo_s: of a later undo. roll_back_s: of the way back inside a transaction.
    """

    undos: int = 0
    equal: int = 0
    undo_s: list[float] = field(default_factory=list)
    roll_back_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Course:
    """One entry on one ground, whose objects are there and well."""

    def __init__(self, ground: Ground, entry: Entry, tally: Tally) -> None:
        self.ground = ground
        self.entry = entry
        self.tally = tally
        self._touches = 0

    def plain(self) -> None:
        """Do, undo, do, undo; each time as planned and each time back."""
        for _ in range(2):
            before = self.state()
            self.committed(self.do())
            self.verify(before)
            self.take_back(before)

    def overlapping(self) -> None:
        """Somebody changes the same field: refused, with both values; nothing is written."""
        before = self.state()
        self.committed(self.do())
        after = self.state()
        restore = self._overlap()
        theirs = self.state()
        told = self._refused_undo()
        for value in self._both(after, theirs):
            assert _shown(value) in told, f"not shown: {value!r} in {told}"
        left = unlike(theirs, self.state())
        assert not left, f"refused, and yet written: {left}"
        restore()
        self.take_back(before)

    def elsewhere(self) -> None:
        """Somebody changes something else of it: ours is taken back, theirs stays."""
        before, raw = self.state(), self.raw()
        self.committed(self.do())
        edits = self.entry.elsewhere
        if self.entry.verb == "create":
            made = self.raw()
            self.ground.edit(self.entry.subject, *edits)
            self._refused_undo()  # what others have made of it is theirs, too
            self.ground.edit(self.entry.subject, *reverting(made, edits))
            self.take_back(before)
            return
        self.ground.edit(self.entry.subject, *edits)
        self.take_back(before.with_edits(self.entry.subject, *edits))
        self.ground.edit(self.entry.subject, *reverting(raw, edits))

    def conflict(self) -> None:
        """Somebody writes between our read and our write: a true 409, on the way and back."""
        before, raw = self.state(), self.raw()
        touched = self._contend()
        self.committed(self.do())
        assert self.ground.faulty.writes > touched, "the write was not refused"
        if self.entry.verb != "delete":
            touched = self._contend()
        wanted = before.with_edits(self.entry.subject, self._touch())
        self.take_back(wanted)
        assert self.ground.faulty.writes > touched, "the undo's write was not refused"
        self.ground.edit(self.entry.subject, *reverting(raw, (self._touch(),)))

    def made_first(self) -> None:
        """Somebody creates it just before us: theirs stays as it is, and nothing is ours."""
        before = self.state()
        item = dict(self.entry.made or {})
        notes = {TOUCH[-1]: "theirs"}
        place = {"namespace": self.ground.namespace, "annotations": notes}
        theirs = {**item, "metadata": {**item["metadata"], **place}}
        self.ground.faulty.drift = lambda cluster, ref: self.ground.world.create(theirs)
        self.ground.faulty.faults = {self.ground.faulty.writes + 1: "drift"}
        done = self.do()
        assert done.state.value in ("BLOCKED", "UNDONE"), f"{done.state.value}: {done.why}"
        found = self.raw()
        assert at(found, TOUCH) == "theirs", "somebody's new object was touched"
        self.ground.world.delete(*self._subject())
        left = unlike(before, self.state())
        assert not left, left

    def harmful(self) -> None:
        """It makes something worse: rolled back by the gate."""
        before = self.state()
        done = self.do()
        self._rolled_back(done, before)

    def interrupted(self) -> None:
        """Ctrl-C while it settles: rolled back inside the transaction."""
        before = self.state()
        stages = self.ground.stages
        stages.interrupt_at = "Validation"
        try:
            done = self.do()
        finally:
            stages.interrupt_at = ""
            self.ground.interrupt.requested = False
        self._rolled_back(done, before)

    def made_good(self) -> None:
        """What cannot be undone is made good by its owner, and nothing else is different."""
        before, served = self.state(), serving(self.ground.world.items)
        pods = {item["metadata"]["uid"] for item in self.ground.world.items("Pod")}
        self.committed(self.do())
        now = {item["metadata"]["uid"] for item in self.ground.world.items("Pod")}
        assert len(pods - now) == 1, f"gone: {pods - now}"
        assert len(now) == len(pods), f"{len(now)} pods instead of {len(pods)}"
        assert serving(self.ground.world.items) == served, "not all of them serve again"
        assert not unlike(before, self.state())

    # What is done

    def plan(self) -> Plan:
        """As `stratus plan 'kubectl ...'`. AssertionError when it is refused."""
        ground = self.ground
        graph = Graph(ground.observe())
        lines = [self._with_pod(line) for line in self.entry.commands]
        made = plan_from_lines(lines, ground.reading(), graph, ground.namespace)
        assert made.plan is not None, f"no plan: {made.refusal}"
        return made.plan

    def do(self) -> TransactionReport:
        """Plan it, and run the plan."""
        plan = self.plan()
        with self.ground.ports() as ports:
            return execute_plan(plan, ports, self.ground.observe)

    def committed(self, done: TransactionReport) -> None:
        """It was kept, and its lock is gone."""
        assert done.state.value == "COMMITTED", f"{done.state.value}: {done.why}"
        locks = [item["metadata"]["name"] for item in self.ground.world.items("Lease")]
        assert "stratus" not in locks, "the lock is still there"

    def take_back(self, wanted: State) -> None:
        """Undo the last one: committed, and the state is as wanted."""
        clock = self.ground.world.clock
        began = clock.monotonic()
        self.tally.undos += 1
        with self.ground.ports() as ports:
            report = undo(ports, Selector(last=True), accept_loss=True, observe=self.ground.observe)
        self.tally.undo_s.append(clock.monotonic() - began)
        states = [(tx.state.value, tx.why) for tx in report.transactions]
        assert [state for state, _ in states] == ["COMMITTED"], f"the undo is {states}"
        self.tally.undos -= 1
        self._count(wanted)

    # What must hold

    def _rolled_back(self, done: TransactionReport, before: State) -> None:
        assert done.state.value == "UNDONE", f"{done.state.value}: {done.why}"
        now = self.ground.world.clock.monotonic()
        self.tally.roll_back_s.append(now - self.ground.stages.began["Rollback"])
        self._count(before)

    def state(self) -> State:
        """Everything in the namespace, and the subject."""
        others = []
        if self.entry.is_of_the_cluster:
            found = self.ground.world.item(*self._subject())
            others = [found] if found is not None else []
        return State.of(self.ground.world.items, others)

    def raw(self) -> Item:
        """The subject as it is; {} when it is not there."""
        return self.ground.world.item(*self._subject()) or {}

    def verify(self, before: State) -> None:
        """The fields read as expected, and nothing else is different."""
        key, after = self.entry.subject, self.state()
        there = {"create": (False, True), "delete": (True, False)}.get(self.entry.verb)
        if there is not None:
            assert (key in before.objects, key in after.objects) == there, f"{key} is not {there}"
        found = after.objects.get(key, {})
        for path, value in zip(self.entry.paths, self.entry.expect.values(), strict=True):
            now = at(found, path)
            fits = value == MAYBE or (now != MISSING if value == ANY else now == value)
            assert fits, f"{path} is {now!r}, not {value!r}"
        if there is None:
            changed = differing(before.objects[key], found)
            beside = [path for path in changed if not _under(path, self.entry.paths)]
            assert not beside, f"changed beside the plan: {beside}"
        left = unlike(before.without(key), after.without(key))
        assert not left, f"changed beside the plan: {left}"

    def _count(self, wanted: State) -> None:
        """One undo, and whether it brought everything back."""
        self.tally.undos += 1
        is_anew = not self.entry.expect or self.entry.verb == "anew"
        anew = (self.entry.subject,) if is_anew else ()

        def left() -> list[str]:
            return unlike(wanted, self.state(), made_again=anew)

        if self.entry.subject.startswith("Node/"):
            self.ground.until(lambda: not left(), lambda: str(left()), FOLLOWS_WITHIN_S)
        found = left()
        assert not found, f"not as before: {found}"
        kept, had = last_applied(self.state()), last_applied(wanted)
        assert kept == had, "last-applied-configuration is not as before"
        self.tally.equal += 1
        self.ground.until(
            lambda: not unready(self.ground.world.items),
            lambda: str(unready(self.ground.world.items)),
            WELL_WITHIN_S,
        )

    def _refused_undo(self) -> str:
        try:
            with self.ground.ports() as ports:
                report = undo(
                    ports, Selector(last=True), accept_loss=True, observe=self.ground.observe
                )
        except Refused as error:
            return str(error)
        raise AssertionError(f"not refused: {[tx.state.value for tx in report.transactions]}")

    def _overlap(self) -> Callable[[], None]:
        """Their edit of the same field; how to take it away again."""
        if self.entry.verb == "delete":
            item = dict(self.entry.objects[0])
            item["metadata"] = {**item["metadata"], "labels": {"team": "theirs"}}
            item["metadata"]["namespace"] = self.ground.namespace
            self.ground.world.create(item)
            return lambda: self.ground.world.delete(*self._subject())
        made, edit = self.raw(), self.entry.overlap
        assert edit is not None
        self.ground.edit(self.entry.subject, edit)
        return lambda: self.ground.edit(self.entry.subject, *reverting(made, (edit,)))

    def _both(self, ours: State, theirs: State) -> tuple[object, ...]:
        """Our value and theirs, of the field that both changed."""
        edit = self.entry.overlap
        if self.entry.told or edit is None:
            return self.entry.told or ("theirs",)
        old, new = (state.objects[self.entry.subject] for state in (ours, theirs))
        return tuple(
            value for value in (at(old, edit.path), at(new, edit.path)) if value != MISSING
        )

    def _contend(self) -> int:
        """Somebody touches the subject just before our next write. The number of that write."""
        self._touches += 1
        faulty = self.ground.faulty
        edit = self._touch()
        faulty.drift = lambda cluster, ref: self.ground.edit(self.entry.subject, edit)
        faulty.faults = {faulty.writes + 1: "drift"}
        return faulty.writes + 1

    def _touch(self) -> Edit:
        return Edit(TOUCH, str(self._touches))

    def _with_pod(self, line: str) -> str:
        if "$POD" not in line:
            return line
        pods = sorted(item["metadata"]["name"] for item in self.ground.world.items("Pod"))
        return line.replace("$POD", pods[0])

    def _subject(self) -> tuple[str, str]:
        kind, _, name = self.entry.subject.partition("/")
        return kind, name


def courses_of(entry: Entry) -> dict[str, Callable[[Course], None]]:
    """The courses that an entry must pass, by name; the last of them runs first."""
    if entry.verb == "compensate":
        return {"made good": Course.made_good}
    if entry.verb == "harm":
        return {"harmful": Course.harmful}
    found: dict[str, Callable[[Course], None]] = {
        "plain": Course.plain,
        "interrupted": Course.interrupted,
    }
    if entry.overlap is not None or entry.verb == "delete":
        found["overlapping"] = Course.overlapping
    if entry.verb != "delete":
        found["elsewhere"] = Course.elsewhere
    found["conflict"] = Course.made_first if entry.verb == "create" else Course.conflict
    return found


def reverting(before: Item, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits that bring these fields back to what they were."""
    found: dict[Path, Edit] = {}
    for edit in edits:
        path = edit.path[:-1] if edit.path[-1] == END else edit.path
        for length in range(1, len(path)):
            if at(before, path[:length]) in (MISSING, None):
                path = path[:length]
                break
        found[path] = Edit(path, at(before, path))
    return tuple(found.values())


def _under(path: Path, fields: tuple[Path, ...]) -> bool:
    return any(path[: len(item)] == item or item[: len(path)] == path for item in fields)


def _shown(value: object) -> str:
    """As a person reads it: long values are cut."""
    return str(value)[:60]
