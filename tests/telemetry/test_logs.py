"""Logs as evidence: of containers that are not well, bounded, and never in the way."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stratus_cli.kube.log_lines import timed
from stratus_cli.model.errors import Forbidden, NotFound
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, GapReason, Signals
from stratus_cli.telemetry.logs import CONTAINERS, LINES, PAST_S, READY, RECENT_S, LogSource
from tests.cases.loader import manifests, snapshot

LATELY = "2026-11-24T11:59:00Z"


class Logs:
    """Gives each instance one line that says which it is."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[str, str, bool, int]] = []

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        self.asked.append((pod.name, container, previous, lines))
        if self.error is not None:
            raise self.error
        return (f"{pod.name} {container} {previous}",)


def pod(name: str, state: dict[str, Any], restarts: int = 0, **more: Any) -> dict[str, Any]:
    container = {"name": "web", "image": more.pop("image", "app:1")}
    status = {"name": "web", "ready": False, "restartCount": restarts, "state": state, **more}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": f"u-{name}"},
        "spec": {"containers": [container]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }  # fmt: skip


CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}
RUNNING = {"running": {"startedAt": "2026-11-24T11:58:00Z"}}
ENDED = {"terminated": {"exitCode": 1, "finishedAt": LATELY}}


def test_present_and_former_instance_of_what_is_unwell() -> None:
    """Crash-looping: the former one. Running unready after a restart: both. Pulling: none."""
    items = [
        pod("crashing", CRASHING, 4),
        pod("unready", RUNNING, 1),
        pod("ended", ENDED),
        pod("pulling", {"waiting": {"reason": "ImagePullBackOff"}}),
    ]
    logs = Logs()
    snap = LogSource(logs).read(snapshot([*manifests("shop-healthy.yaml"), *items]))
    assert sorted(logs.asked) == [
        ("crashing", "web", True, LINES),
        ("ended", "web", False, LINES),
        ("unready", "web", False, LINES),
        ("unready", "web", True, LINES),
    ]
    assert next(tail.lines for tail in snap.signals.logs) == ("crashing web True",)
    assert snap.gaps == ()


def test_what_restarted_lately_and_is_ready_again() -> None:
    """It may be about to fail again; long ago is history."""
    lately = pod("lately", RUNNING, 1, ready=True, lastState=ENDED)
    old = {"terminated": {"exitCode": 1, "finishedAt": "2026-11-24T09:00:00Z"}}
    logs = Logs()
    LogSource(logs).read(snapshot([lately, pod("old", RUNNING, 1, ready=True, lastState=old)]))
    assert {name for name, *_ in logs.asked} == {"lately"}


def test_no_more_than_so_many_and_every_image_first() -> None:
    """A hundred like pods do not crowd out another; what is left out is said."""
    items = [pod(f"a{n:03}", RUNNING) for n in range(100)]
    items.append(pod("z", RUNNING, image="other:1"))
    logs = Logs()
    snap = LogSource(logs).read(snapshot(items))
    assert len(logs.asked) == CONTAINERS
    assert "z" in {name for name, *_ in logs.asked}
    [gap] = snap.gaps
    assert (gap.reason, gap.detail) == (
        GapReason.TRUNCATED, f"read of {CONTAINERS} of 101 containers that are not well",
    )  # fmt: skip


def test_refused_logs_are_a_gap_and_absent_ones_are_not() -> None:
    """403 is said once for each namespace; a log that is gone is no news."""
    refused = Logs(Forbidden(403, "Forbidden", "pods/log is forbidden"))
    snap = LogSource(refused).read(snapshot([pod("a", RUNNING), pod("b", RUNNING)]))
    [gap] = snap.gaps
    assert (gap.subject, gap.namespace) == ("logs", "shop")
    absent = Logs(NotFound(404, "NotFound", "gone"))
    snap = LogSource(absent).read(snapshot([pod("a", RUNNING)]))
    assert snap.gaps == ()
    assert snap.signals.logs == ()


class Recent(Logs):
    """Knows times, too."""

    says = ("fine",)

    def recent_logs(
        self, pod: Ref, container: str, *, lines: int, since_s: int, oldest: bool = False
    ) -> tuple[tuple[str, ...], tuple[datetime, ...]]:
        self.asked.append((pod.name, container, oldest, since_s))
        start = datetime(2026, 11, 24, 11, 40 if oldest else 59, tzinfo=UTC)
        said = ("earlier", *self.says) if oldest else self.says
        return said, tuple(
            start + timedelta(minutes=19 * oldest * index) for index in range(len(said))
        )


@pytest.mark.parametrize(
    "line", ["ERROR no", '{"level":"info","message":"GET / 200","duration_ms":412.5}']
)
def test_of_what_looks_bad_the_beginning_is_read_too(line: str) -> None:
    """Errors and slow requests are compared with what was before; lines are not told twice."""
    logs = Recent()
    logs.says = (line,) * 6
    snap = LogSource(logs).read(snapshot(manifests("shop-healthy.yaml")))
    assert {(oldest, since) for *_, oldest, since in logs.asked} == {
        (False, RECENT_S), (True, PAST_S),
    }  # fmt: skip
    tail = snap.signals.logs[0]
    assert tail.lines == ("earlier", *logs.says)
    assert len(tail.times) == len(tail.lines)


def test_ready_pods_one_of_each_workload_first() -> None:
    """What ready pods wrote lately, with times; a second pod of a workload comes last."""
    logs = Recent()
    snap = LogSource(logs).read(snapshot(manifests("shop-healthy.yaml")))
    assert {name for name, *_ in logs.asked} == {"web-7d4b9c-aaaaa", "web-7d4b9c-bbbbb"}
    assert all(since == RECENT_S for *_, since in logs.asked)
    assert all(tail.times for tail in snap.signals.logs)


def many(number: int, namespace: str = "shop") -> list[dict[str, Any]]:
    """So many Deployments of one ready pod each."""
    [given] = [item for item in manifests("shop-healthy.yaml") if item["kind"] == "Deployment"]
    made: list[dict[str, Any]] = []
    for index in range(number):
        name = f"app{index:03}"
        labels = {"app": name}
        own = copy.deepcopy(given)
        own["metadata"] |= {"name": name, "uid": f"u-{name}", "namespace": namespace}
        own["spec"]["template"]["metadata"]["labels"] = labels
        own["spec"]["replicas"] = 1
        own["status"] = {"availableReplicas": 1, "observedGeneration": 1}
        owner = {"kind": "ReplicaSet", "name": name, "uid": f"u-rs-{name}", "controller": True}
        holder = {
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": name, "namespace": namespace, "uid": f"u-rs-{name}",
                "ownerReferences": [{"apiVersion": "apps/v1", **owner, "kind": "Deployment",
                    "uid": f"u-{name}"}]},
        }  # fmt: skip
        one = pod(f"{name}-pod", RUNNING, ready=True)
        one["metadata"] |= {
            "namespace": namespace, "labels": labels,
            "ownerReferences": [{"apiVersion": "apps/v1", **owner}],
        }  # fmt: skip
        one["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        made += [own, holder, one]
    return made


def test_ready_pods_are_bounded_and_the_accused_come_first() -> None:
    """A hundred workloads cost no more than so many requests; whom an alert names is read."""
    alert = Alert("X", {"namespace": "shop", "deployment": "app099"})
    logs = Recent()
    LogSource(logs).read(snapshot(many(100), signals=Signals(alerts=(alert,))))
    assert len(logs.asked) == READY
    assert "app099-pod" in {name for name, *_ in logs.asked}


def test_callers_of_what_is_down_come_first() -> None:
    """They say what they miss."""
    items = many(60)
    deployments = {i["metadata"]["name"]: i for i in items if i["kind"] == "Deployment"}
    [container] = deployments["app059"]["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "UP", "value": "http://down:80"}]
    deployments["app000"]["status"]["availableReplicas"] = 0
    service = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "down", "namespace": "shop", "uid": "u-down"},
        "spec": {"selector": {"app": "app000"}, "ports": [{"port": 80}]},
    }  # fmt: skip
    logs = Recent()
    LogSource(logs).read(snapshot([*items, service]))
    assert "app059-pod" in {name for name, *_ in logs.asked}


def test_times_before_lines() -> None:
    """kubelet's times are taken off; a line without one has that before it; none: none."""
    stamp = "2026-11-24T12:00:00.123456789Z"
    texts, times = timed((f"{stamp} one", "masked", f"{stamp} two words", stamp))
    assert texts == ("one", "masked", "two words", "")
    assert len(times) == 4
    assert timed(("plain text", f"{stamp} x")) == (("plain text", f"{stamp} x"), ())
