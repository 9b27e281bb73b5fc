"""Logs as evidence: the last lines of unwell containers, and what ready ones wrote lately.

Asks only for containers whose log can say something: started at least once, and waiting, ended,
restarted lately or not ready; and for so many ready ones, likeliest first (log_choice).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from statistics import median
from typing import Protocol, runtime_checkable

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_errors import LEAST_ERRORS, NEWEST_LINES
from stratus_cli.kube.log_latency import LEAST_S, took_s
from stratus_cli.kube.log_lines import is_error
from stratus_cli.kube.pods import RESTART_WINDOW_S, Part, is_live, parts
from stratus_cli.model.errors import ClusterAnswer, NotFound
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Gap, GapReason, LogTail, Snapshot, ref_of
from stratus_cli.telemetry.log_choice import chosen

LINES = 60  # a stack trace is longer than twenty, and its cause may stand first
CONTAINERS = 20
READY = 20  # ready containers: so many cost a small cluster a tenth of a second
RECENT_LINES = 200
RECENT_S = 300
PAST_S = 1800  # DESIGN.md, Health and TNR: what is usual is what was in the last half hour
THREADS = 8


class PodLogs(Protocol):
    """What is needed of a cluster."""

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """Last lines of one container."""


@runtime_checkable
class RecentLogs(Protocol):
    """A cluster that knows when each line was written."""

    def recent_logs(
        self, pod: Ref, container: str, *, lines: int, since_s: int, oldest: bool = False
    ) -> tuple[tuple[str, ...], tuple[datetime, ...]]:
        """Last lines of the last seconds, and the time of each; oldest: the first ones."""


Read = Callable[[], LogTail]


class LogSource:
    """Implements model.ports.Source over a cluster's logs."""

    name = "logs"

    def __init__(self, cluster: PodLogs) -> None:
        self._cluster = cluster

    def read(self, snap: Snapshot) -> Snapshot:
        """With the log tails of unwell containers; a gap says when some were left out."""
        unwell = list(_unwell(snap))
        kept = _spread(unwell)[:CONTAINERS]
        wanted: list[tuple[Ref, Read]] = [
            (pod, partial(self._tail, pod, part.status.name, previous))
            for pod, part in kept
            for previous in _instances(part)
        ]
        asked = {(pod, part.status.name) for pod, part in kept}
        wanted += self._ready(snap, asked)
        tails, refused = _read(wanted)
        gaps = [Gap(self.name, GapReason.FORBIDDEN, detail, where) for where, detail in refused]
        if len(unwell) > len(kept):
            left = f"read of {len(kept)} of {len(unwell)} containers that are not well"
            gaps.append(Gap(self.name, GapReason.TRUNCATED, left))
        signals = replace(snap.signals, logs=(*snap.signals.logs, *tails))
        return replace(snap, signals=signals, gaps=(*snap.gaps, *gaps))

    def _ready(self, snap: Snapshot, asked: set[tuple[Ref, str]]) -> list[tuple[Ref, Read]]:
        cluster = self._cluster
        if not isinstance(cluster, RecentLogs):
            return []
        others = (item for item in chosen(Graph(snap)) if item not in asked)
        return [
            (pod, partial(_recent, cluster, pod, container))
            for pod, container in islice(others, READY)
        ]

    def _tail(self, pod: Ref, container: str, previous: bool) -> LogTail:
        lines = self._cluster.logs(pod, container, previous=previous, lines=LINES)
        return LogTail(pod, container, previous, lines)


def _recent(cluster: RecentLogs, pod: Ref, container: str) -> LogTail:
    """What was written lately, and where that looks bad, before it what was written earlier."""
    lines, times = cluster.recent_logs(pod, container, lines=RECENT_LINES, since_s=RECENT_S)
    if times and _looks_bad(lines):
        past, then = cluster.recent_logs(
            pod, container, lines=RECENT_LINES, since_s=PAST_S, oldest=True
        )
        kept = sum(at < times[0] for at in then)
        lines, times = (*past[:kept], *lines), (*then[:kept], *times)
    return LogTail(pod, container, previous=False, lines=lines, times=times)


def _looks_bad(lines: tuple[str, ...]) -> bool:
    """Errors, or requests that one may feel: then it matters whether that is new."""
    newest = lines[-NEWEST_LINES:]
    if sum(map(is_error, newest)) >= LEAST_ERRORS:
        return True
    took = [seconds for line in newest if (seconds := took_s(line)) is not None]
    return bool(took) and median(took) >= LEAST_S


def _read(wanted: list[tuple[Ref, Read]]) -> tuple[list[LogTail], list[tuple[str, str]]]:
    """The tails in the order wanted, and (namespace, why) where logs may not be read."""
    tails: dict[int, LogTail] = {}
    refused: dict[str, str] = {}
    waiting = iter(enumerate(wanted))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                index, job = next(waiting, (-1, None))
            if job is None:
                return
            pod, read = job
            try:
                tail = read()
            except NotFound:
                continue  # no such instance: it never ran, or its log is gone
            except ClusterAnswer as error:
                refused.setdefault(pod.namespace, error.what[:200])
                continue
            if tail.lines:
                tails[index] = tail

    workers = [threading.Thread(target=work, daemon=True) for _ in wanted[:THREADS]]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [tails[index] for index in sorted(tails)], sorted(refused.items())


def _unwell(snap: Snapshot) -> Iterator[tuple[Ref, Part]]:
    pods = sorted(snap.of(Pod), key=lambda pod: (pod.metadata.namespace, pod.metadata.name))
    for pod in pods:
        if is_live(pod) or pod.status.phase == "Failed":
            for part in parts(pod):
                if _is_unwell(part, snap.taken_at):
                    yield ref_of(pod), part


def _is_unwell(part: Part, now: datetime) -> bool:
    status = part.status
    if not _instances(part):
        return False
    if part.is_init:
        end = status.state.terminated
        return end.exit_code != 0 if end else True
    end = part.last_end
    ended_lately = (
        end is not None
        and end.finished_at is not None
        and (now - end.finished_at).total_seconds() <= RESTART_WINDOW_S
    )
    done = status.state.terminated is not None and status.state.terminated.exit_code == 0
    return (not status.ready and not done) or (ended_lately and not done)


def _instances(part: Part) -> tuple[bool, ...]:
    """Which instances may have a log: (False,) the present one, (True,) the one before it."""
    state = part.status.state
    now = (False,) if state.running or state.terminated else ()
    return now + ((True,) if part.status.restart_count else ())


def _spread(unwell: list[tuple[Ref, Part]]) -> list[tuple[Ref, Part]]:
    """One container of each image first, so that a hundred like pods do not crowd out the rest."""
    seen: set[tuple[str, str, str]] = set()
    first: list[tuple[Ref, Part]] = []
    rest: list[tuple[Ref, Part]] = []
    for ref, part in unwell:
        key = (ref.namespace, part.status.name, part.container.image)
        (rest if key in seen else first).append((ref, part))
        seen.add(key)
    return first + rest
