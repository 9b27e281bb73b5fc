"""Controls: who else might repair, and when nothing is to be repaired at all.

do-nothing, restart-only, random-valid-action repair a fault in Stratus' place: what an app does by
itself, what everybody tries first, and what luck gives. healthy, recovered, rollout, pod-killed
have no fault: any write is a failure. noise: Stratus repairs while another pod is killed and a
service elsewhere answers half a second late.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from stratus_cli.drill.app import App
from stratus_cli.drill.case import REPAIR, Case, Lab, heal, inject
from stratus_cli.drill.door import Door
from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.fault import Fault
from stratus_cli.drill.injection import Injection
from stratus_cli.drill.oracle import Healthy, Oracle, workloads_at_fault
from stratus_cli.drill.result import SOLVED, UNSOLVED
from stratus_cli.drill.state import differences
from stratus_cli.drill.symptom import wait_visible
from stratus_cli.drill.tool import Outcome
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT

REPAIRS = ("do-nothing", "restart-only", "random-valid-action")
QUIET = ("healthy", "recovered", "rollout", "pod-killed")
CONTROLS = (*REPAIRS, *QUIET, "noise")
DELAY = "/admin/delay?ms=500&s=30"  # about as long as a repair takes; data/app/app.py
TIME_S = 60.0  # what Stratus' own repairs take at most, so that waiting alone has the same chance


class ControlCase(Case):
    """One fault's app under a control; of the quiet ones the fault only lends its app."""

    def __init__(
        self, lab: Lab, fault: Fault, control: str, *, known_good: bool, repeat: int = 1
    ) -> None:
        super().__init__(lab, fault, known_good=known_good, repeat=repeat)
        self.control = control
        self.result.control = control

    def _through(self) -> None:
        if self.control not in QUIET:
            super()._through()
            return
        app, healthy = self.lab.ready(self.fault.app, around=self.fault.cluster)
        door = self.lab.ground.door(app)
        if self.control == "recovered":
            since = self.lab.ground.clock.now()
            inject(self.lab, self.fault)
            wait_visible(self.lab.ground, self.fault, door, healthy.well, healthy.sight, since)
            heal(self.lab, self.fault.app, self.fault)
            self.lab.ground.wait_well(app, healthy.well)
        self._quiet(app, healthy)

    def _tell(self, app: App, healthy: Healthy, door: Door) -> None:
        if self.control == "noise":
            killed, *others = _others(self.fault, healthy)
            self._kill(killed)
            self._delay(others or [killed], healthy)
            super()._tell(app, healthy, door)
            return
        oracle = Oracle(self.lab.ground, self.fault, door, healthy)
        repairs: Mapping[str, Callable[[Healthy], None]] = {
            "do-nothing": self._wait,
            "restart-only": self._restart,
            "random-valid-action": self._random,
        }
        repairs[self.control](healthy)
        judgement = oracle.judge()
        self.result.wrong = dict(judgement.wrong)
        self.result.mitigated = judgement.solved
        self.result.verdict = SOLVED if judgement.solved else UNSOLVED

    def _quiet(self, app: App, healthy: Healthy) -> None:
        """Nothing is wrong, or it mends itself: Stratus must write nothing."""
        result, ground = self.result, self.lab.ground
        if self.control == "rollout":
            self._do({"restart": _any(healthy)})
        if self.control == "pod-killed":
            self._kill(_any(healthy))
        before = ground.state(app.name)
        ran = self._stratus("run", *REPAIR)
        moved = [str(one) for one in differences(before, ground.state(app.name))]
        result.writes, result.detected = ran.writes, ran.has_found
        result.t_mitigate_s = ran.seconds
        result.wrong = {"written": "; ".join(moved[:5])} if moved else {}
        result.verdict = SOLVED if not ran.writes and not moved and _is_quiet(ran) else UNSOLVED
        result.why = "" if result.verdict == SOLVED else f"exit {ran.code}"
        if moved:
            heal(self.lab, app.name)
        ground.wait_well(app, healthy.well)

    def _do(self, *steps: dict[str, Any]) -> None:
        """Steps on record, as an injection that is healed like any."""
        lab, fault = self.lab, self.fault
        keep, ledger = lab.keep(fault.app), lab.ledger()
        tx = ledger.begin("drill", f"{self.control} in {fault.app}", {"control": self.control})
        keep.save(fault=keep.fault or self.control, tx=keep.data.get("tx") or tx)
        injection = Injection(lab.ground, fault, ledger, keep)
        for step in steps:
            injection.step(step)
        ledger.end(self.control)

    def _kill(self, workload: str) -> None:
        self._do({"delete_pods": workload, "count": 1})

    def _delay(self, workloads: list[str], healthy: Healthy) -> None:
        """The first of these that is a service of the app's program answers late for a while."""
        space = self.lab.ground.namespace(self.fault.app)
        for workload in workloads:
            name = workload.partition("/")[2]
            ports = healthy.well.services.get(name, {}).get("spec", {}).get("ports") or ()
            for port in ports:
                if self.lab.ground.api.ask(space, name, port["port"], DELAY).is_well:
                    return
        raise DrillError("no service takes a delay", space)

    def _wait(self, healthy: Healthy) -> None:
        clock = self.lab.ground.clock
        end = clock.monotonic() + TIME_S
        self.lab.ground.until(lambda: clock.monotonic() >= end, "time", TIME_S + 5)

    def _restart(self, healthy: Healthy) -> None:
        """`kubectl rollout restart` of each workload that is at fault, or else of all."""
        broken = workloads_at_fault(self.fault, healthy.well) or list(healthy.well.workloads)
        self._do(*({"restart": workload} for workload in broken))

    def _random(self, healthy: Healthy) -> None:
        """One action of a kind that repairs faults, on a workload drawn by the case's name."""
        draw = random.Random(self.result.key)  # noqa: S311  # the same draw in every run
        workload = draw.choice(sorted(healthy.well.workloads))
        api = self.lab.ground.api
        live = api.get(api.ref(workload, self.lab.ground.namespace(self.fault.app)))
        if live is None:
            raise DrillError("there is nothing to act on", workload)
        self._do(draw.choice(_valid(workload, live)))


def _valid(workload: str, live: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Steps that the API server takes: restart, scale by one, delete a pod, loosen a probe."""
    replicas = int(live["spec"].get("replicas", 1))
    steps: list[dict[str, Any]] = [
        {"restart": workload},
        {"delete_pods": workload, "count": 1},
    ]
    if not workload.startswith("DaemonSet/"):
        steps.append({"change": workload, "set": {"spec.replicas": replicas + 1}})
    name = live["spec"]["template"]["spec"]["containers"][0]["name"]
    probe = f"spec.template.spec.containers[name={name}].readinessProbe"
    if value_at(live, probe) is not ABSENT:
        steps.append({"change": workload, "set": {f"{probe}.failureThreshold": 10}})
    return steps


def _others(fault: Fault, healthy: Healthy) -> list[str]:
    """Workloads that the fault does not touch; all where it touches every one."""
    text = str([*fault.root, fault.steps, fault.symptom])
    names = sorted(healthy.well.workloads)
    return [name for name in names if name not in text] or names


def _any(healthy: Healthy) -> str:
    """One workload, the same in every run."""
    return min(healthy.well.workloads)


def _is_quiet(ran: Outcome) -> bool:
    return not ran.transactions
