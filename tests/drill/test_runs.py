"""Which cases a run has."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from stratus_cli.drill import app as apps
from stratus_cli.drill import fault as faults
from stratus_cli.drill import runs
from stratus_cli.drill.case import Lab
from stratus_cli.drill.controls import CONTROLS, QUIET
from stratus_cli.drill.fault import Fault
from stratus_cli.drill.result import SOLVED, Result
from stratus_cli.drill.runs import Asked, check_control, chosen
from stratus_cli.model.errors import UsageError
from tests.drill.test_data import values

CLUSTER = {name for name in faults.names() if faults.load(name, values)[0].cluster}


def test_everything_is_one_variant_of_each_fault() -> None:
    """What lies outside the drill's namespaces only when asked for."""
    everything = chosen(Asked(every=True, cluster=True), values)
    assert [item.name for item in everything] == list(faults.names())
    inside = chosen(Asked(every=True), values)
    assert {item.name for item in inside} == {*faults.names()} - CLUSTER


def test_faults_are_spread_over_the_apps() -> None:
    """So that apps can go side by side; an app that cannot be installed gets none."""
    counts = Counter(item.app for item in chosen(Asked(every=True, cluster=True), values))
    assert counts.keys() == {*apps.names()}
    assert max(counts.values()) - min(counts.values()) <= len(faults.names()) // 3
    without = chosen(Asked(every=True), values, lambda app: app != "hotel")
    alone = {
        name for name in faults.names() if {f.app for f in faults.load(name, values)} == {"hotel"}
    }
    assert {item.name for item in without if item.app == "hotel"} <= alone


def test_an_app_or_all_variants() -> None:
    """Only those of the app; every variant of the fault."""
    social = chosen(Asked(names=("target-port",), apps=("social",)), values)
    assert [item.app for item in social] == ["social"]
    every = chosen(Asked(names=("target-port",), variants=True), values)
    assert len(every) == len(faults.load("target-port", values)) > 1
    assert len({item.id for item in every}) == len(every)


@dataclass
class Stage:
    """Cases that only note who runs beside them, in labs whose apps only go."""

    running: set[str] = field(default_factory=set)
    beside: dict[str, set[str]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    both: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))

    def lab(self, app: str) -> Lab:
        ground = SimpleNamespace(check_interrupt=lambda: None, remove=self.removed.append)
        quiet = SimpleNamespace(note=lambda _: None)
        return cast(Lab, SimpleNamespace(app=app, ground=ground, progress=quiet))

    def case(self, _lab: Lab, fault: Fault, **_: object) -> SimpleNamespace:
        result = Result(fault.id, fault.name, fault.app, fault.variant, fault.family)
        result.verdict = SOLVED
        return SimpleNamespace(fault=fault, result=result, run=lambda: self._run(fault, result))

    def _run(self, fault: Fault, result: Result) -> Result:
        with self.lock:
            self.running.add(fault.name)
        self._meet(fault)
        self.beside[fault.name] = {*self.running} - {fault.name}
        self._meet(fault)
        with self.lock:
            self.running.discard(fault.name)
        return result

    def _meet(self, fault: Fault) -> None:
        """Until another one is in its case as well; where none should be, for a moment."""
        try:
            self.both.wait(timeout=0.2 if fault.cluster else 10)
        except threading.BrokenBarrierError:
            self.both.reset()
            if not fault.cluster:
                raise


def test_what_disturbs_others_comes_last_and_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest goes side by side; an app goes after its last case."""
    stage = Stage()
    monkeypatch.setattr(runs, "Case", stage.case)
    [quiet] = chosen(Asked(names=("target-port",), apps=("hotel",)), values)
    [other] = chosen(Asked(names=("scaled-zero",), apps=("shop",)), values)
    [loud] = chosen(Asked(names=("taint",), apps=("shop",), cluster=True), values)
    assert loud.alone
    assert not quiet.alone
    done = runs.run(
        Asked(), [loud, quiet, other], stage.lab, tmp_path / "lines", resume=False,
        parallel=2, remove=True,
    )  # fmt: skip
    assert len(done) == 3
    assert stage.beside == {
        "taint": set(), "target-port": {"scaled-zero"}, "scaled-zero": {"target-port"},
    }  # fmt: skip
    assert stage.removed == ["hotel", "shop"]


def test_what_lies_outside_namespaces_has_one_case_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their repairs take the same Lease, and the second one would be refused."""
    stage = Stage()
    monkeypatch.setattr(runs, "Case", stage.case)
    names = ("psa", "webhook-down", "webhook-tls", "webhook-mutates")
    faults = chosen(Asked(names=names, cluster=True), values)
    assert len({item.app for item in faults}) > 1
    assert not any(item.alone for item in faults)
    runs.run(Asked(), faults, stage.lab, tmp_path / "lines", resume=False, parallel=3)
    assert stage.beside == {name: set() for name in names}


@pytest.mark.parametrize("control", QUIET)
def test_where_nothing_is_wrong_once_per_app_is_enough(control: str) -> None:
    """The fault only lends its app."""
    quiet = chosen(Asked(every=True, control=control), values)
    assert len(quiet) == len({item.app for item in quiet}) == len(apps.names())


def test_controls_are_known_by_name() -> None:
    """No control at all is Stratus itself."""
    for name in ("", *CONTROLS):
        check_control(name)
    with pytest.raises(UsageError):
        check_control("luck")
