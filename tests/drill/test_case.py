"""One case from end to end over HTTP: what counts as solved and what does not.

The API server is the tests' own and has no controllers, so the fault is one of a Service's port;
who repairs is scripted. Time is virtual.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.drill import case
from stratus_cli.drill.app import load
from stratus_cli.drill.case import Case, Lab, give_up, inject
from stratus_cli.drill.controls import ControlCase
from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.fault import Fault, Oracle, Place
from stratus_cli.drill.ground import Stopped
from stratus_cli.drill.mend import renew
from stratus_cli.drill.oracle import Healthy
from stratus_cli.drill.runs import Asked, run
from stratus_cli.drill.state import State, capture, differences
from stratus_cli.drill.tool import Outcome
from stratus_cli.drill.wellness import Well
from tests.drill.test_injection import SPACE, item, stand

PORT = "spec.ports[port=80].targetPort"
ROOT = f"{SPACE}/Service/a"


@dataclass
class VirtualClock:
    """Sleeping lets it pass."""

    at: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


Act = Callable[["Scripted"], None]


@dataclass
class Scripted:
    """Stands for Stratus: names a root, does something, takes it back or does not."""

    lab: Lab
    root: tuple[str, str] = (ROOT, "spec.ports[port=80,protocol=TCP].targetPort")
    repair: Act = lambda _: None
    undo: Act = lambda _: None
    code: int = 0
    writes: int = 1
    said: list[str] = field(default_factory=list)
    restless: int = 0  # how often it still finds what was before the fault

    def run(self, *words: str, cluster: bool = False) -> Outcome:
        """As the command line answers."""
        self.said.append(words[0])
        if words[0] == "run":
            self.repair(self)
            states = [{"id": "tx-1", "state": "COMMITTED", "writes": self.writes}]
            report = {**self.report(), "transactions": states if self.writes else []}
            return Outcome(self.code, 1.0, report)
        if words[0] == "undo":
            self.undo(self)
            return Outcome(0, 1.0)
        if words[0] == "detect" and not self.lab.keep(FAULT.app).fault:
            self.restless -= 1
            if self.restless < 0:
                return Outcome(0, 0.5)
        return Outcome(1, 0.5, self.report())

    def report(self) -> dict[str, Any]:
        ref, path = self.root
        root = {"cause": "c", "ref": ref, "field": path, "confidence": 0.9}
        roots = [root] if ref else []
        incident = {"title": "c", "severity": "outage", "roots": roots, "candidates": []}
        return {"incidents": [incident]}

    def set(self, ref: str, change: Callable[[dict[str, Any]], None]) -> None:
        api = self.lab.ground.api
        live = api.get(api.ref(ref, SPACE))
        assert live is not None
        made = copy.deepcopy(live)
        change(made)
        api.replace(made)


def port(number: int) -> Act:
    def act(who: Scripted) -> None:
        who.set("Service/a", lambda made: made["spec"]["ports"][0].update(targetPort=number))

    return act


def delete(ref: str) -> Act:
    def act(who: Scripted) -> None:
        api = who.lab.ground.api
        api.delete(api.ref(ref, SPACE))

    return act


FAULT = Fault(
    name="target-port",
    app="shop",
    variant="a",
    title="t",
    family="service",
    steps=({"change": "Service/a", "set": {PORT: 9999}},),
    symptom={"fields": [{"ref": "Service/a", "field": PORT, "value": 9999}]},
    root=(Place("Service/a", PORT),),
    oracle=Oracle(),
)


@contextmanager
def lab() -> Iterator[tuple[Lab, State]]:
    """The app is there and well; its door is open."""
    with stand() as here:
        pods = [
            item(
                "Pod", SPACE, f"{name}-1", labels={"app": name}, spec={"containers": []},
                status={
                    "podIP": f"10.0.0.{number}",
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            )
            for number, name in enumerate("ab")
        ]  # fmt: skip
        slices = [
            item(
                "EndpointSlice", SPACE, f"{name}-x", labels={"kubernetes.io/service-name": name},
                endpoints=[{"addresses": [f"10.0.0.{number}"], "conditions": {"ready": True}}],
                ports=[{"port": 8080}],
            )
            for number, name in enumerate("ab")
        ]  # fmt: skip
        here.server.items += [*pods, *slices]
        app = replace(load("shop"), front_door={"service": "a", "port": 80})
        here.server.texts[f"/api/v1/namespaces/{SPACE}/services/a:80/proxy/"] = b'{"ok": true}'
        here.lab.ground.clock = VirtualClock()
        ground = here.lab.ground
        state = capture(ground.api, [SPACE])
        well = Well.of(ground.items("shop"))
        here.lab.apps["shop"] = app, Healthy(state, well, ground.door(app).look(3))
        here.lab.keep("shop").save(healthy=dict(state.objects))
        yield here.lab, state


def told(fault: Fault = FAULT, **script: Any) -> Any:
    """The result of a case, after which all must be as it was."""
    with lab() as (found, healthy):
        found.tool = Scripted(found, **script)
        result = Case(found, fault, known_good=False).run()
        assert differences(healthy, capture(found.ground.api, [SPACE])) == []
        assert not found.keep("shop").fault
        return result


def test_solved_is_root_and_state_and_way_back() -> None:
    """Everything right."""
    result = told(repair=port(8080), undo=port(9999))
    assert (result.verdict, result.why, result.wrong) == ("solved", "", {})
    assert result.detected
    assert result.root_exact
    assert result.mitigated
    assert result.undone_exactly
    assert result.writes == 1
    assert result.named == [f"c: {ROOT} spec.ports[port=80,protocol=TCP].targetPort"]


def test_a_wrong_root_is_not_solved() -> None:
    """However well it is repaired; it counts for P(mitigated | cause wrong)."""
    result = told(root=(f"{SPACE}/Service/b", PORT), repair=port(8080), undo=port(9999))
    assert result.verdict == "unsolved"
    assert result.mitigated
    assert not result.root_exact
    assert result.extra == [f"{SPACE}/Service/b {PORT}"]


@pytest.mark.parametrize(
    ("repair", "point"),
    [
        (lambda _: None, "5 as when healthy"),
        (port(80), "5 as when healthy"),
        (delete("ConfigMap/b"), "5 as when healthy"),
        (delete("Service/a"), "1-2 pods and endpoints"),
    ],
)
def test_what_the_drill_reads_decides(repair: Act, point: str) -> None:
    """Committed by its own word, and not repaired."""
    result = told(repair=repair)
    assert result.verdict == "unsolved"
    assert point in result.wrong


def test_an_undo_that_leaves_something_is_said() -> None:
    """The case may be solved; that it was not undone exactly is a figure of its own."""
    result = told(repair=port(8080), undo=port(9998))
    assert result.undone_exactly is False
    assert "9998" in result.undo_differences[0]


def test_what_is_only_proposed_must_not_be_written() -> None:
    """propose_only: the root named and no write."""
    only = replace(FAULT, propose_only=True)
    assert told(only, writes=0).verdict == "solved"
    assert told(only, repair=port(8080), undo=port(9999)).verdict == "unsolved"
    assert told(only, root=("", ""), writes=0).verdict == "unsolved"


def test_a_symptom_that_does_not_show_is_an_error_of_the_lab() -> None:
    """No verdict on Stratus, which is not even asked."""
    hidden = replace(FAULT, symptom={"fields": [{"ref": "Service/a", "field": PORT, "value": 1}]})
    result = told(hidden)
    assert result.verdict == "error"
    assert "symptom" in result.why


def test_a_defect_of_stratus_is_no_error_of_the_lab() -> None:
    """Exit 70 is unsolved; 7, no cluster, is the lab's."""
    assert told(code=70).verdict == "unsolved"
    assert told(code=7).verdict == "error"


def test_what_the_cluster_lacks_is_skipped() -> None:
    """And nothing is injected."""
    with lab() as (found, _):
        found.has = lambda need: need != "metrics"
        result = Case(found, replace(FAULT, needs=("metrics",)), known_good=False).run()
        assert (result.verdict, result.why) == ("skipped", "the cluster lacks metrics")
        assert not found.journal.entries()


def test_ctrl_c_heals() -> None:
    """Stopped while Stratus works: everything is as it was when the error comes out."""

    class Interrupt:
        requested = False

    with lab() as (found, healthy):
        pressed = found.ground.interrupt = Interrupt()

        def stop(_: Scripted) -> None:
            pressed.requested = True

        found.tool = Scripted(found, repair=stop)
        with pytest.raises(Stopped):
            Case(found, FAULT, known_good=False).run()
        assert differences(healthy, capture(found.ground.api, [SPACE])) == []


NODE = "/Node/node-1"
OUTSIDE = replace(
    FAULT,
    cluster=True,
    steps=(*FAULT.steps, {"change": NODE, "set": {"spec.unschedulable": True}}),
)


@pytest.mark.parametrize("removable", [True, False])
def test_what_is_outside_is_put_back_though_the_app_cannot_be(
    monkeypatch: pytest.MonkeyPatch, removable: bool
) -> None:
    """Else it would stay in every later case: nobody else knows of it."""

    def fails(*_: object) -> None:
        raise DrillError("it could not be put back", "x")

    with lab() as (found, _):
        monkeypatch.setattr(case, "hook_of", fails)  # its way back is the first thing
        gone: list[str] = []
        monkeypatch.setattr(found.ground, "remove", gone.append if removable else fails)
        found.tool = Scripted(found)
        inject(found, OUTSIDE)
        assert found.ground.api.get(found.ground.api.ref(NODE, ""))["spec"]["unschedulable"]  # type: ignore[index]  # it is there
        run_one = Case(found, replace(OUTSIDE, hook="x:Y"), known_good=False)
        if removable:
            run_one._heal()  # noqa: SLF001  # the way out of every case
            assert gone == ["shop"]
            assert not found.keep("shop").fault
        else:
            with pytest.raises(DrillError):
                run_one._heal()  # noqa: SLF001  # as above
        live = found.ground.api.get(found.ground.api.ref(NODE, ""))
        assert live is not None
        assert "unschedulable" not in live["spec"]


def test_one_object_that_cannot_be_put_back_keeps_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each by itself, and it is said what stays; volumes after the namespaces that hold them."""
    done: list[str] = []

    def one(_ground: object, _ledger: object, wanted: list[tuple[str, object]]) -> None:
        for key, _ in wanted:
            if key == "/ClusterRole/a":
                raise DrillError("it could not be put back", key)
            done.append(key)

    with lab() as (found, _):
        said: list[str] = []
        monkeypatch.setattr(found.progress, "note", said.append)
        monkeypatch.setattr(case, "restore", one)
        monkeypatch.setattr(found.ground, "remove", done.append)
        touched = [["/PersistentVolume/v", None], [NODE, {}], ["/ClusterRole/a", None]]
        found.keep("shop").save(fault="f", touched=[*touched, [f"{SPACE}/Service/a", None]])
        give_up(found, "shop")
        assert done == [NODE, "shop", "/PersistentVolume/v"]
        assert any("/ClusterRole/a" in text for text in said)
        assert not found.keep("shop").touched


def test_a_command_that_a_signal_ended_is_no_verdict() -> None:
    """What Stratus says after Ctrl-C is not held against it; the case is run again."""

    class Interrupt:
        requested = False

    with lab() as (found, _):
        pressed = found.ground.interrupt = Interrupt()
        tool = found.tool = Scripted(found)

        def cut(*words: str, cluster: bool = False) -> Outcome:
            pressed.requested = True
            return Outcome(-2, 0.1)

        tool.run = cut  # type: ignore[method-assign]  # ends at once
        with pytest.raises(Stopped):
            Case(found, FAULT, known_good=False).run()


def test_after_a_signal_no_further_case_begins(tmp_path: Path) -> None:
    """Nothing is injected, nothing is written down."""

    class Interrupt:
        requested = True

    with lab() as (found, _):
        found.ground.interrupt = Interrupt()
        lines = tmp_path / "lab.jsonl"
        with pytest.raises(Stopped):
            run(Asked(), [FAULT], lambda _: found, lines, resume=False)
        assert not lines.exists()
        assert not found.journal.entries()


def test_the_recording_is_made_when_well() -> None:
    """--known-good: before the injection, and given to each stage."""
    with lab() as (found, _):
        tool = found.tool = Scripted(found, repair=port(8080), undo=port(9999))
        tool_run = tool.run
        seen: list[tuple[str, ...]] = []

        def listen(*words: str, cluster: bool = False) -> Outcome:
            seen.append(words)
            if words[0] == "record":
                return Outcome(0, 0.1)
            return tool_run(*words, cluster=cluster)

        tool.run = listen  # type: ignore[method-assign]  # in passing
        result = Case(found, FAULT, known_good=True).run()
        assert result.verdict == "solved"
        assert seen[0][0] == "record"
        given = [words[0] for words in seen[2:] if "--known-good" in words]
        assert given == ["detect", "diagnose", "run"]


def test_a_case_begins_when_nothing_is_found() -> None:
    """What an incident of the case before tells is over first."""
    with lab() as (found, _):
        tool = found.tool = Scripted(found, repair=port(8080), undo=port(9999), restless=3)
        assert Case(found, FAULT, known_good=False).run().verdict == "solved"
        assert tool.said[:5] == ["detect"] * 5
        assert tool.said[5] == "diagnose"


def test_doing_nothing_does_not_solve_it() -> None:
    """The control repairs nothing, and Stratus is not asked to."""
    with lab() as (found, _):
        tool = found.tool = Scripted(found)
        result = ControlCase(found, FAULT, "do-nothing", known_good=False).run()
        assert result.verdict == "unsolved"
        assert result.control == "do-nothing"
        assert tool.said == ["detect"]  # whether all was quiet before


def test_any_write_where_nothing_is_wrong_is_a_failure() -> None:
    """Healthy: quiet is solved; a write is not, told by it or only seen."""
    for script, verdict in (
        ({"writes": 0}, "solved"),
        ({"writes": 1}, "unsolved"),
        ({"writes": 0, "repair": port(8081)}, "unsolved"),
    ):
        with lab() as (found, healthy):
            found.tool = Scripted(found, **script)  # type: ignore[arg-type]  # as scripted
            quiet = ControlCase(found, FAULT, "healthy", known_good=False)
            assert quiet.run().verdict == verdict
            assert differences(healthy, capture(found.ground.api, [SPACE])) == []


def test_pods_that_ended_meanwhile_are_made_anew() -> None:
    """Only those that a controller keeps up."""
    with lab() as (found, _):
        api = found.ground.api
        for number, owner in enumerate(["ReplicaSet", "Job", ""]):
            made = item("Pod", SPACE, f"p{number}")
            made["status"] = {"containerStatuses": [{"name": "x", "restartCount": 1}]}
            if owner:
                made["metadata"]["ownerReferences"] = [{"kind": owner, "controller": True}]
            api.create(made)
        before = {pod["metadata"]["name"] for pod in api.items("Pod", SPACE)}
        ledger = found.ledger()
        ledger.begin("undo", "heal", {})
        renew(found.ground, ledger, [SPACE])
        ledger.end("healed")
        assert before - {pod["metadata"]["name"] for pod in api.items("Pod", SPACE)} == {"p0"}
