"""A fault that only logs tell: all pods are ready, and requests fail. Repaired, and judged by logs.

Where no telemetry server is, what ready pods write is what shows the fault and its end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.flow.heard import Heard
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.kube.graph import Graph
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from tests.fakes.faulty import FaultyCluster
from tests.flow.stand import CART, Stand
from tests.flow.worlds import app, set_box, world

A_SECOND = 5  # requests that each pod answers
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
FRONT = Ref("Deployment", "shop", "front")


@dataclass
class Logging(FaultyCluster):
    """A twin whose pods log each request; front answers what cart answered at that moment.

    cured: whether cart's STATUS means anything; else it goes on answering 500.
    """

    cured: bool = True
    slow_s: float = 0.0  # how long a request takes where STATUS is 201
    answers: dict[datetime, int] = field(default_factory=dict)  # of cart, from a moment on

    def recent_logs(
        self, pod: Ref, container: str, *, lines: int, since_s: int, oldest: bool = False
    ) -> tuple[tuple[str, ...], tuple[datetime, ...]]:
        """Of the last seconds, or since it started."""
        assert isinstance(self.inner, Twin)
        now, mine = self.inner.now(), NEVER
        for page in self.inner.list_pages("Pod", "shop"):
            for item in json.loads(page)["items"]:
                begun = _begun(item)
                if item["metadata"]["labels"]["app"] == "cart":
                    self.answers.setdefault(begun, _status(item))
                if item["metadata"]["name"] == pod.name:
                    mine = begun
        start = max(mine, now - timedelta(seconds=since_s))
        count = int((now - start).total_seconds() * A_SECOND)
        times = [start + timedelta(seconds=index / A_SECOND) for index in range(count)]
        kept = times[:lines] if oldest else times[-lines:]
        return tuple(self._line(at) for at in kept), tuple(kept)

    def _line(self, at: datetime) -> str:
        past = [code for since, code in sorted([*self.answers.items()]) if since <= at]
        status = max(past) if past and not self.cured else past[-1] if past else 200
        level = "error" if status >= 500 else "info"
        told = {"level": level, "message": "GET /", "status": status}
        if self.slow_s:
            told |= {"status": 200, "duration_ms": 1000 * self.slow_s if status == 201 else 20}
        return json.dumps(told)


def _begun(pod: dict[str, Any]) -> datetime:
    [status] = pod["status"]["containerStatuses"]
    running = status["state"].get("running")
    return datetime.fromisoformat(running["startedAt"]) if running else NEVER


def _status(pod: dict[str, Any]) -> int:
    env = {item["name"]: item["value"] for item in pod["spec"]["containers"][0].get("env", ())}
    return int(env["STATUS"])


def faulty(folder: Path, status: str = "500") -> tuple[Stand, Logging]:
    """cart is told to answer so, a minute ago; front calls it."""
    text = world(
        [*app("cart", env={"STATUS": "200"}), *app("front", env={"UPSTREAMS": "http://cart/"})],
        [set_box("cart", 60, env=[{"name": "STATUS", "value": status}])],
        settle=120,
    )
    twin = Twin(load_world(text))
    cluster = Logging(twin)
    return Stand(twin, cluster, folder), cluster


def repaired(stand: Stand) -> TransactionReport:
    plan = stand.plan()
    with stand.ports() as ports:
        return execute_plan(plan, ports, stand.observe)


def test_one_incident_of_what_was_changed(tmp_path: Path) -> None:
    """The caller's errors are told with it, and do not have to be mended by themselves."""
    stand, _ = faulty(tmp_path)
    [incident] = stand.look().incidents
    [root] = incident.roots
    assert root.root == CART
    assert root.field == "spec.template.spec.containers[name=app].env[name=STATUS].value"
    assert {(item.rule, item.ref) for item in incident.symptoms} == {
        ("SLO006", CART), ("SLO006", FRONT),
    }  # fmt: skip


def test_a_right_repair_is_kept(tmp_path: Path) -> None:
    """The errors from before the write are in the log still, and hold nothing up."""
    stand, _ = faulty(tmp_path)
    done = repaired(stand)
    assert done.state is TransactionState.COMMITTED, done.why
    assert stand.look().incidents == ()
    assert done.waited_s < 60


def test_a_repair_after_which_requests_still_fail_is_undone(tmp_path: Path) -> None:
    """Though each pod is ready all the time."""
    stand, cluster = faulty(tmp_path)
    before = stand.spec()
    cluster.cured = False
    done = repaired(stand)
    assert done.state is TransactionState.UNDONE, done.why
    assert stand.spec() == before


def test_slow_requests_of_a_caller_end_with_the_repair(tmp_path: Path) -> None:
    """front's log shows how long they took before; cart's pod is too young to tell."""
    stand, cluster = faulty(tmp_path, "201")
    cluster.slow_s = 0.8
    found = {(item.rule, item.ref) for item in stand.look().detection.findings}
    assert ("SLO007", FRONT) in found
    heard = Heard((("SLO007", FRONT),))
    graph = Graph(stand.observe())
    assert heard.missing(graph, 60.0) == (f"{FRONT}: its log still tells of slow requests",)
    stand.twin.advance(60)
    cluster.answers[stand.twin.now() - timedelta(seconds=30)] = 200
    assert heard.missing(Graph(stand.observe()), 60.0) == ()


def test_quiet_when_well(tmp_path: Path) -> None:
    """Before the change there is nothing to tell."""
    text = world([*app("cart", env={"STATUS": "200"}), *app("front", env={"UPSTREAMS": "x"})])
    twin = Twin(load_world(text))
    assert Stand(twin, Logging(twin), tmp_path).look().incidents == ()
