"""Logs as evidence: of containers that are not well, bounded, and never in the way."""

from __future__ import annotations

from typing import Any

from stratus_cli.model.errors import Forbidden, NotFound
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import GapReason
from stratus_cli.telemetry.logs import CONTAINERS, LINES, LogSource
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
