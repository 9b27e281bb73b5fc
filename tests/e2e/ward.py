"""Ward: a namespace with a few ConfigMaps, a reviewed plan of two writes, and engineers.

No pod runs in it, so that a transaction takes seconds. Objects are read by raw requests.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.scenarios.command import Outcome, Stratus, ended

FRAIL = "tests.e2e.frail"
WITHIN_S = 90.0
Item = dict[str, Any]
Api = Callable[..., Item]


@dataclass(frozen=True)
class Ward:
    """One namespace. api: raw requests; folder: where each engineer's state is kept."""

    api: Api
    kubeconfig: str
    namespace: str
    folder: Path

    def engineer(self, name: str = "alice") -> Stratus:
        """The command line of one engineer, with a state folder of their own."""
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        return Stratus(self.kubeconfig, home, {"USER": name, "LOGNAME": name})

    def setup(self) -> None:
        """Make the objects, and the plan of two writes."""
        for name in ("one", "two", "three"):
            meta = {"name": name, "namespace": self.namespace, "labels": {"app": name}}
            item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
            self.api("POST", self._path(), {**item, "data": {"mode": "slow"}})
        self.make_plan("plan", self.set_mode("one"), f"kubectl label configmap/two {LABEL}")

    def make_plan(self, name: str, *lines: str) -> None:
        """A plan file of these kubectl lines."""
        made = self.engineer("reviewer").run(
            "plan", *lines, "-n", self.namespace, "--out", str(self.plan(name))
        )
        assert self.plan(name).exists(), str(made)

    def set_mode(self, name: str) -> str:
        """The kubectl line that sets one key of a ConfigMap."""
        return f'kubectl patch configmap/{name} --type=merge -p \'{{"data":{{"mode":"fast"}}}}\''

    def plan(self, name: str = "plan") -> Path:
        """Where a plan file is."""
        return self.folder / f"{name}.yaml"

    def words(self, *words: str) -> tuple[str, ...]:
        """A writing command's words, without a person."""
        return (*words, "-n", self.namespace, "--auto", "-o", "json")

    def execute(self, name: str = "plan") -> tuple[str, ...]:
        """The words that execute a plan."""
        return self.words("mitigate", "--plan", str(self.plan(name)))

    def state(self) -> dict[str, Any]:
        """What people set, of each ConfigMap."""
        return {
            item["metadata"]["name"]: (
                item.get("data"),
                item["metadata"].get("labels"),
                item["metadata"].get("annotations"),
            )
            for item in self.api("GET", self._path())["items"]
            if item["metadata"]["name"] in ("one", "two", "three")
        }

    def lease(self) -> Item | None:
        """The lock, if somebody holds it."""
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        items = self.api("GET", self.lease_path())["items"]
        return next((kind | it for it in items if it["metadata"]["name"] == "stratus"), None)

    def lease_path(self, name: str = "") -> str:
        """Where Leases are."""
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/{name}".rstrip("/")

    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps"


LABEL = "tier=gold"


def until(ask: Callable[[], Any], what: str, within_s: float = WITHIN_S) -> Any:
    """Ask until it is so, and give the answer. AssertionError at the deadline."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)
    return answer


def is_stopped(process: Popen[str]) -> bool:
    """Whether it is stopped by a signal, and has not ended."""
    assert process.poll() is None, process.communicate()
    text = Path(f"/proc/{process.pid}/stat").read_text()
    return text[text.rindex(")") + 2] == "T"


@contextmanager
def stopped(
    stratus: Stratus, words: tuple[str, ...], at: str, env: Mapping[str, str] | None = None
) -> Iterator[Popen[str]]:
    """A command that stops itself (SIGSTOP) at a place; killed at the end if it still runs."""
    process = stratus.start(*words, "--at", f"stop-{at}", module=FRAIL, env=env)
    try:
        until(lambda: is_stopped(process), f"a stop at {at}")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def continued(process: Popen[str]) -> Outcome:
    """Let it go on, and wait for its end."""
    os.kill(process.pid, signal.SIGCONT)
    return ended(process)
