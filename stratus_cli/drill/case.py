"""One case, from healthy to healthy: inject, wait, let Stratus work, judge, undo, heal.

Stratus is run as a user runs it; everything that is judged is read by the drill itself.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stratus_cli.drill import fault as faults
from stratus_cli.drill.api import Item
from stratus_cli.drill.app import App, load
from stratus_cli.drill.door import Door
from stratus_cli.drill.errors import DrillError, DrillRefused
from stratus_cli.drill.fault import Fault
from stratus_cli.drill.ground import Ground, Stopped
from stratus_cli.drill.harm import Sample, Watch, harms
from stratus_cli.drill.injection import Injection, call, hook_of
from stratus_cli.drill.ledger import Keep, Ledger
from stratus_cli.drill.mend import is_volume, renew, restore, restore_all
from stratus_cli.drill.oracle import Healthy, Oracle, endpoints
from stratus_cli.drill.quality import dq, dq_star, lines_of
from stratus_cli.drill.result import ERROR, SKIPPED, SOLVED, UNSOLVED, Result
from stratus_cli.drill.roots import named
from stratus_cli.drill.state import State, not_as_it_was
from stratus_cli.drill.symptom import wait_visible
from stratus_cli.drill.tool import Outcome, Tool
from stratus_cli.drill.wellness import Well
from stratus_cli.model.errors import StratusError
from stratus_cli.model.ports import Journal, Progress

SAMPLES_BEFORE = 3
WELL_SAMPLES = 60
Touched = list[tuple[str, Item | None]]
LAB_FAILED = (2, 7)  # README, exit codes: usage, cluster unreachable
DEFECT = 70
LONGEST_WHY = 400
QUIET_WITHIN_S = 120.0  # our choice: the newest minute of a rate, and an alert's way to its end
REPAIR = ("--auto", "--watch-for", "0", "--budget", "5m")


class StratusFailed(StratusError):
    """A defect of Stratus, or a command that did not end: the case is not solved."""


@dataclass
class Lab:
    """What cases share. ledger: of a journal of the drill's own. keeps: their folder."""

    ground: Ground
    journal: Journal
    tool: Tool
    progress: Progress
    who: str
    keeps: Path
    recordings: Path
    has: Callable[[str], bool]
    """Whether the cluster has what a fault needs."""
    reports: Path | None = None
    """Where the report of each stage is kept, as case/stage.json; None keeps none."""
    apps: dict[str, tuple[App, Healthy]] = field(default_factory=dict)

    def ledger(self) -> Ledger:
        """For one transaction."""
        return Ledger(self.journal, self.ground.clock, self.who)

    def keep(self, app: str) -> Keep:
        """What is known of an app on this cluster."""
        return Keep(self.keeps, app)

    def ready(self, name: str, *, around: bool = False) -> tuple[App, Healthy]:
        """The app, installed and well, and how it is then. A fault left in it is healed first."""
        keep = self.keep(name)
        if keep.fault:
            self.progress.note(f"{name}: {keep.fault} was left in; healing it first")
            heal(self, name, self.left_in(name))
        if name in self.apps:
            app, healthy = self.apps[name]
            self.ground.wait_well(app, healthy.well)  # another app's case may have disturbed it
            return app, self.look(app, around=True) if around else healthy
        self.progress.stage(f"{name}: made healthy")
        app = self.ground.install(name)
        self.ground.wait_well(app, Well.of(self.ground.items(name)))
        self.apps[name] = app, self.look(app, around=False)
        keep.save(healthy=self.apps[name][1].state.objects)
        return self.ready(name, around=True) if around else self.apps[name]

    def left_in(self, name: str) -> Fault | None:
        """The fault that is in an app, where it is one of a file."""
        left = self.keep(name).fault
        known = faults.names()
        if left.partition("/")[0] not in known:
            return None
        found = faults.load(left.partition("/")[0], self.ground.values)
        return next((item for item in found if item.id == left), None)

    def look(self, app: App, *, around: bool) -> Healthy:
        """Everything as it is now."""
        state = self.ground.state(app.name, around=around)
        well = Well.of(self.ground.items(app.name))
        return Healthy(state, well, self.ground.door(app).look(WELL_SAMPLES))


def inject(lab: Lab, fault: Fault) -> None:
    """Put a fault into its healthy app, on record. Taken back when it fails or is interrupted."""
    if fault.cluster:
        lab.ground.check_sandbox()
    keep, ledger = lab.keep(fault.app), lab.ledger()
    plan = {"fault": fault.id, "namespaces": lab.ground.spaces(fault.app)}
    tx = ledger.begin("drill", f"inject {fault.id}: {fault.title}", plan)
    keep.save(fault=fault.id, tx=tx, touched=[])
    try:
        Injection(lab.ground, fault, ledger, keep).run()
    except BaseException:
        ledger.end("not injected as a whole; heal takes it back")
        raise
    ledger.end("injected")


def heal(lab: Lab, name: str, fault: Fault | None = None) -> None:
    """Take back what was injected, and whatever differs from the healthy state since."""
    keep = lab.keep(name)
    ground, ledger = lab.ground, lab.ledger()
    ground.settling = True
    try:
        ledger.begin("undo", f"heal {keep.fault or name}", {}, undoes=str(keep.data.get("tx", "")))
        if fault is not None:
            if fault.hook:
                hook_of(fault).heal(Injection(ground, fault, ledger, keep))
        first, last = _outside(ground, keep, name)
        restore(ground, ledger, first)
        if keep.healthy:
            restore_all(ground, ledger, State(keep.healthy), ground.spaces(name))
        restore(ground, ledger, last)
        renew(ground, ledger, ground.spaces(name))
        for step in reversed(fault.steps if fault is not None else ()):
            if "call" in step and "heal" in step:
                call(ground, ground.api.ref(step["call"], ground.namespace(name)), step, "heal")
        ledger.end("healed")
        keep.clear()
    finally:
        ground.settling = False


def give_up(lab: Lab, name: str) -> None:
    """Remove an app that cannot be healed; what lies outside it is put back all the same.

    It would stay in every later case: with the app its record goes.
    """
    keep, ground, ledger = lab.keep(name), lab.ground, lab.ledger()
    ledger.begin("undo", f"remove {name}", {}, undoes=str(keep.data.get("tx", "")))
    first, last = _outside(ground, keep, name)
    _put_back_each(lab, ledger, first)
    ground.remove(name)
    _put_back_each(lab, ledger, last)
    lab.apps.pop(name, None)
    ledger.end("removed")
    keep.save(healthy={}, fault="", tx="", touched=[])


def _outside(ground: Ground, keep: Keep, name: str) -> tuple[Touched, Touched]:
    """What was touched outside the app's namespaces, newest first; and what goes after the app.

    A volume stays as long as a claim has it, and that one as long as a pod.
    """
    own = {ground.namespace(name), ground.tenant(name)}
    outside = [pair for pair in reversed(keep.touched) if pair[0].partition("/")[0] not in own]
    last = [pair for pair in outside if is_volume(pair[0]) and pair[1] is None]
    return [pair for pair in outside if pair not in last], last


def _put_back_each(lab: Lab, ledger: Ledger, touched: Touched) -> None:
    for pair in touched:
        try:
            restore(lab.ground, ledger, [pair])
        except StratusError as error:
            lab.progress.note(f"{pair[0]} stays as the drill left it: {error}")


class Case:
    """One fault in one app, solved by Stratus or by a control."""

    def __init__(self, lab: Lab, fault: Fault, *, known_good: bool, repeat: int = 1) -> None:
        self.lab = lab
        self.fault = fault
        self.known_good = known_good
        self.result = Result(
            fault.id, fault.name, fault.app, fault.variant, fault.family, repeat=repeat
        )
        self.result.known_good = known_good
        self.usual: dict[str, int] = {}
        self.result.at = lab.ground.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def run(self) -> Result:
        """Never raises but on Ctrl-C; the app is healed on every way out."""
        result, lab = self.result, self.lab
        lacking = [need for need in self.needs if not lab.has(need)]
        if lacking:
            result.verdict, result.why = SKIPPED, f"the cluster lacks {', '.join(lacking)}"
            return result
        try:
            self._through()
        except Stopped:
            self._heal()
            raise
        except DrillRefused as error:
            result.verdict, result.why = SKIPPED, str(error)
        except StratusFailed as error:
            result.verdict, result.why = UNSOLVED, str(error)
        except StratusError as error:
            result.verdict, result.why = ERROR, str(error)
        self._heal()
        return result

    @property
    def needs(self) -> list[str]:
        """Of the fault and of its app."""
        by_helm = load(self.fault.app).install == "helm"
        return [*self.fault.needs, *(["helm"] if by_helm else [])]

    def _through(self) -> None:
        lab, fault, result = self.lab, self.fault, self.result
        app, healthy = lab.ready(fault.app, around=fault.cluster)
        door = lab.ground.door(app)
        space = self._space()
        if self.known_good:
            recording = lab.recordings / f"{fault.app}.json"
            made = lab.tool.run("record", *space, "--out", str(recording))
            if made.code:
                raise DrillError("no recording could be made", fault.app, made.errors[-300:])
        self._until_quiet()
        self.usual, _ = self._look(door)
        lab.progress.stage(f"{fault.id}: injected")
        since = lab.ground.clock.now()
        inject(lab, fault)
        result.symptom_s = wait_visible(lab.ground, fault, door, healthy.well, healthy.sight, since)
        self._tell(app, healthy, door)

    def _until_quiet(self) -> None:
        """Rates, logs and alerts tell of the case before this one for a while.

        What is found after the injection should be the fault's. An app that is never quiet is
        taken as it is, and said so.
        """
        left: list[str] = []

        def is_quiet() -> bool:
            report = self._stratus("detect", name="before").report
            # A finding that belongs to an incident is told there alone.
            found = (*report.get("incidents", ()), *report.get("findings", ()))
            left[:] = [
                str(item.get("title") or f"{item['rule']} {item['ref']}")
                for item in found
                if item["severity"] != "hygiene"
            ]
            return not left

        try:
            self.lab.ground.until(is_quiet, "nothing left to find", QUIET_WITHIN_S)
        except DrillError:
            self.lab.progress.note(f"{self.fault.id}: not quiet before it: {', '.join(left[:5])}")

    def _tell(self, app: App, healthy: Healthy, door: Door) -> None:
        lab, fault, result = self.lab, self.fault, self.result
        faulty = lab.ground.state(fault.app, around=fault.cluster)
        before = [self._sample(door) for _ in range(SAMPLES_BEFORE)]
        self._read(faulty)
        oracle = Oracle(lab.ground, fault, door, healthy)
        lab.progress.stage(f"{fault.id}: stratus run --auto")
        with Watch(lambda: self._look(door)) as watch:
            ran = self._stratus("run", *REPAIR)
        result.t_mitigate_s, result.writes = ran.seconds, ran.writes
        result.lines = lines_of(ran.report)
        result.states = [str(tx["state"]) for tx in ran.transactions]
        result.harm = harms(before, watch.samples, self.usual)
        self._judge(oracle, ran)
        committed = [str(tx["id"]) for tx in ran.transactions if tx["state"] == "COMMITTED"]
        if committed:
            self._undo(committed, faulty)
        result.dq = dq(ran.report, healthy.state, faulty)
        result.dq_star = dq_star(
            ran.report, healthy.state, faulty, solved=bool(result.mitigated), harm=result.harm
        )

    def _read(self, faulty: State) -> None:
        """detect and diagnose, timed; what they say is compared with the fault's file."""
        fault, result = self.fault, self.result
        detect = self._stratus("detect")
        result.detected, result.t_detect_s = detect.has_found, detect.seconds
        diagnose = self._stratus("diagnose")
        result.t_diagnose_s = diagnose.seconds
        said = named(diagnose.report, fault, faulty.objects, self.lab.ground.namespace(fault.app))
        result.root_exact, result.root_first = said.exact, said.first
        result.missing, result.extra = list(said.missing), list(said.extra)
        result.named = [
            f"{root['cause']}: {root['ref']} {root['field']}".strip()
            for incident in diagnose.report.get("incidents", ())
            for root in incident["roots"]
        ]
        tops = [item["roots"][0] for item in diagnose.report.get("incidents", ()) if item["roots"]]
        result.confidence = float(tops[0]["confidence"]) if tops else None

    def _judge(self, oracle: Oracle, ran: Outcome) -> None:
        result, fault = self.result, self.fault
        if fault.propose_only:
            result.mitigated = None
            right = bool(result.root_exact) and not ran.writes
            result.why = "" if right else "written to" if ran.writes else "root not named"
        elif fault.heals and not ran.writes:
            judgement = oracle.judge()
            result.wrong = dict(judgement.wrong)
            result.mitigated = judgement.solved
            right = bool(result.root_exact) and judgement.solved
        else:
            judgement = oracle.judge()
            result.wrong = dict(judgement.wrong)
            result.mitigated = judgement.solved
            right = bool(result.root_exact) and judgement.solved and not result.harm
        result.verdict = SOLVED if right else UNSOLVED
        if not right and not result.why:
            kept = [str(tx["why"]) for tx in ran.transactions if tx["state"] != "COMMITTED"]
            result.why = "; ".join(kept)[:LONGEST_WHY]

    def _undo(self, committed: list[str], faulty: State) -> None:
        """Newest first; then everything that is wished must be as the fault had left it."""
        lab, fault, result = self.lab, self.fault, self.result
        for tx in reversed(committed):
            undone = self._stratus("undo", tx, "--accept-loss", "--auto", name="undo")
            if undone.code:
                result.undone_exactly = False
                result.undo_differences = [f"exit {undone.code}: {undone.errors[-300:]}"]
                return
        now = lab.ground.state(fault.app, around=fault.cluster)
        left = not_as_it_was(faulty, now, fault.not_undone, lab.ground.namespace(fault.app))
        result.undone_exactly, result.undo_differences = not left, left[:5]

    def _stratus(self, *words: str, name: str = "") -> Outcome:
        good: tuple[str, ...] = ()
        if self.known_good and words[0] in ("detect", "diagnose", "run"):
            good = ("--known-good", str(self.lab.recordings / f"{self.fault.app}.json"))
        outcome = self.lab.tool.run(*words, *self._space(), *good, cluster=self.fault.cluster)
        self.result.codes[name or words[0]] = outcome.code
        self._keep_report(name or words[0], outcome)
        if self.lab.ground.interrupt.requested:
            raise Stopped("interrupted", f"stratus {words[0]}", "")
        said = f"stratus {words[0]} ended with {outcome.code}"
        if outcome.code in LAB_FAILED:
            raise DrillError(said, "", outcome.errors[-500:])
        if outcome.code == DEFECT or outcome.code < 0:
            raise StratusFailed(said, "", outcome.errors[-500:])
        return outcome

    def _keep_report(self, stage: str, outcome: Outcome) -> None:
        """What a verdict rests on can be read afterwards."""
        if self.lab.reports is None or not outcome.report:
            return
        folder = self.lab.reports / re.sub(r"[^\w.-]+", "-", self.result.key)
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(outcome.report, indent=1)
        (folder / f"{stage}.json").write_text(content, encoding="utf-8")

    def _space(self) -> tuple[str, ...]:
        spaces = self.lab.ground.spaces(self.fault.app)
        if self.fault.cluster:
            spaces = [*spaces, "kube-system"]
        return tuple(word for space in spaces for word in ("-n", space))

    def _look(self, door: Door) -> tuple[dict[str, int], bool | None]:
        slices = self.lab.ground.api.items(
            "EndpointSlice", self.lab.ground.namespace(self.fault.app)
        )
        return endpoints(slices), door.ask().is_well

    def _sample(self, door: Door) -> Sample:
        ready, answered = self._look(door)
        return Sample(time.monotonic(), ready, answered)

    def _heal(self) -> None:
        """Back to healthy; where that fails the app is made anew."""
        lab, name = self.lab, self.fault.app
        if not lab.keep(name).fault:
            return
        lab.progress.stage(f"{self.fault.id}: healed")
        try:
            heal(lab, name, self.fault)
            app, healthy = lab.apps[name]
            lab.ground.settling = True
            lab.ground.wait_well(app, healthy.well)
        except (StratusError, KeyError) as error:
            lab.progress.note(f"{name} is made anew: {error}")
            lab.ground.settling = True
            give_up(lab, name)
        finally:
            lab.ground.settling = False
