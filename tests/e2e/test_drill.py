"""`stratus drill` as a user runs it, on the real cluster: one fault through, and Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.drill.app import names
from stratus_cli.drill.controls import QUIET
from stratus_cli.drill.ground import LABEL
from tests.cluster.bed import Bed
from tests.cluster.client import ApiError
from tests.drill.lab import environment
from tests.proof.turn import today
from tests.scenarios.command import KEPT, ROOT

LONGEST_S = 900.0
WITHIN_S = 120.0
APP = "social"
FAULT = "target-port"
FAULTS = (
    "wrong-selector",
    "scaled-zero",
    "bad-image",
    "wrong-env-port",
    "requests-huge",
    "limit-tiny",
    "nonexistent-node",
    "missing-env",
    "sidecar-port",
    "host-port",
    "pod-failure",
    "rbac-binding",
)
"""What shows within a minute and without telemetry."""
CASES_A_DAY = 6
CONTROLS_A_DAY = 2


@dataclass(frozen=True)
class Drill:
    """The command, with a state folder and namespaces of its own."""

    bed: Bed
    folder: Path
    prefix: str

    @property
    def namespace(self) -> str:
        return f"{self.prefix}-{APP}"

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a drill command and do not wait."""
        access = ["--kubeconfig", self.bed.kubeconfig, "--context", self.bed.context]
        return subprocess.Popen(
            [sys.executable, "-m", "stratus_cli.cli", *access, "drill", *words],
            cwd=ROOT,
            env={
                **{key: os.environ[key] for key in KEPT if key in os.environ},
                **environment(with_helm=False),
                "XDG_STATE_HOME": str(self.folder / "state"),
                "XDG_CONFIG_HOME": str(self.folder / "config"),
                "NO_COLOR": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code, and everything that it said."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, out + err

    def target_ports(self) -> dict[str, list[Any]]:
        """What the fault changes, of every Service."""
        items = self.bed.api("GET", f"/api/v1/namespaces/{self.namespace}/services")["items"]
        return {
            item["metadata"]["name"]: [port["targetPort"] for port in item["spec"]["ports"]]
            for item in items
        }

    @property
    def is_broken(self) -> bool:
        """Whether the fault is in."""
        return any(9999 in ports for ports in self.target_ports().values())


@pytest.fixture(scope="module")
def drill(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Its namespaces are gone afterwards."""
    made = Drill(bed, tmp_path_factory.mktemp("drill"), f"t{os.getpid()}")
    yield made
    spaces = [f"{made.prefix}-{app}{more}" for app in names() for more in ("", "-tenant")]
    for name in spaces:
        with contextlib.suppress(ApiError):  # not every app, and a tenant for some faults only
            bed.api("DELETE", f"/api/v1/namespaces/{name}")


def test_one_fault_goes_through_every_stage(drill: Drill, tmp_path: Path) -> None:
    """Injected, detected, root exact, repaired, undone exactly, healed, scored, resumable."""
    out = tmp_path / "score.json"
    words = ("run", FAULT, "--app", APP, "--prefix", drill.prefix, "--out", str(out))
    code, said = drill.run(*words)
    assert code == 0, said
    [case] = json.loads(out.read_text())["cases"]
    assert case["verdict"] == "solved", case
    assert case["detected"]
    assert case["root_exact"]
    assert case["undone_exactly"], case["undo_differences"]
    assert case["harm"] == []
    assert case["writes"] >= 1
    assert out.with_suffix(".md").exists()
    assert out.with_suffix(".svg").exists()
    assert not drill.is_broken
    started = time.monotonic()
    code, said = drill.run(*words, "--resume")
    assert code == 0, said
    assert time.monotonic() - started < 15, "a resumed run does nothing anew"


def test_the_cases_of_the_day(drill: Drill, tmp_path: Path) -> None:
    """Six faults, two apps side by side: each repaired, undone exactly, and no harm done."""
    out = tmp_path / "day.json"
    asked = ("--prefix", drill.prefix, "--parallel", "2", "--out", str(out))
    code, said = drill.run("run", *of_the_day(FAULTS, CASES_A_DAY), *asked)
    assert code == 0, said
    cases = json.loads(out.read_text())["cases"]
    assert len(cases) == CASES_A_DAY
    for case in cases:
        assert case["verdict"] == "solved", case
        assert case["undone_exactly"] is not False, case["undo_differences"]
        assert case["harm"] == []


def test_the_controls_of_the_day(drill: Drill, tmp_path: Path) -> None:
    """Where nothing is wrong, or it mends itself, nothing is written."""
    for control in of_the_day(QUIET, CONTROLS_A_DAY):
        out = tmp_path / f"{control}.json"
        words = ("run", FAULT, "--app", APP, "--prefix", drill.prefix, "--control", control)
        code, said = drill.run(*words, "--out", str(out))
        assert code == 0, said
        [case] = json.loads(out.read_text())["cases"]
        assert case["verdict"] == "solved", case
        assert case["writes"] == 0


def of_the_day(all_of: Sequence[str], number: int) -> list[str]:
    """So many, others each day."""
    first = today() * number
    return [all_of[(first + index) % len(all_of)] for index in range(number)]


def test_ctrl_c_takes_the_fault_back(drill: Drill, tmp_path: Path) -> None:
    """INT while the fault is in: everything is as before, and the exit code says so."""
    code, said = drill.run("inject", FAULT, "--app", APP, "--prefix", drill.prefix)
    assert code == 0, said
    assert drill.is_broken
    code, said = drill.run("heal", FAULT, "--app", APP, "--prefix", drill.prefix)
    assert code == 0, said
    well = drill.target_ports()
    assert not drill.is_broken
    words = ("run", FAULT, "--app", APP, "--prefix", drill.prefix)
    process = drill.start(*words, "--out", str(tmp_path / "score.json"))
    drill.bed.until(lambda: drill.is_broken, "the fault", WITHIN_S)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, out + err
    assert drill.target_ports() == well


def test_a_foreign_namespace_is_refused(drill: Drill) -> None:
    """A namespace without the drill's label is not touched."""
    name = f"{drill.prefix}x-{APP}"
    drill.bed.api(
        "POST",
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
    )
    try:
        code, said = drill.run("inject", FAULT, "--app", APP, "--prefix", f"{drill.prefix}x")
        assert code == 4, said
        assert LABEL in said
        listed = drill.bed.api("GET", f"/apis/apps/v1/namespaces/{name}/deployments")["items"]
        assert listed == []
    finally:
        drill.bed.api("DELETE", f"/api/v1/namespaces/{name}")
