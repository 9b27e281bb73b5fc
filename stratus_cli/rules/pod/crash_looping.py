"""POD101 crash-looping: a container keeps ending and is started again.

Why it hurts: its pod serves nothing, or serves for seconds between two crashes.

How we tell: kubelet waits in CrashLoopBackOff, or cannot start the process at all
(RunContainerError, StartError), or has restarted it at least three times with the last end less
than ten minutes ago; after the second restart, until the container has run for as long as before,
and for ten seconds.

Not this when: a container was killed once and runs again; it is ready and has run for three times
as long as before its last end, and for a minute; its last end is older than ten minutes of running
(kubelet itself forgets it then); a finished init container; a terminating or completed
pod.

First look: `kubectl logs POD -c CONTAINER --previous`, and the exit code in `kubectl describe pod`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import (
    START_REASONS,
    Part,
    crash_evidence,
    live_pods,
    newest_event,
    parts,
)
from stratus_cli.model.finding import Confidence, Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD101", "crash-looping", Severity.DEGRADED, needs=("Pod",))

SURE_RESTARTS = 3  # a slow first start can show one or two; see case quiet-slow-first-start


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod, about its first container that crashes."""
    for pod in live_pods(graph):
        crashing = [part for part in parts(pod) if crash_evidence(graph, part)]
        if not crashing:
            continue
        sure = any(
            part.status.restart_count >= SURE_RESTARTS or _cannot_start(part) for part in crashing
        )
        yield META.finding(
            ref_of(pod),
            "; ".join(_describe(part) for part in crashing),
            confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
            evidence=tuple(item for part in crashing for item in _evidence(graph, pod, part)),
        )


def _cannot_start(part: Part) -> bool:
    end = part.last_end
    return part.waiting in START_REASONS or (end is not None and end.reason in START_REASONS)


def _describe(part: Part) -> str:
    end, name = part.last_end, part.status.name
    if end is None:
        return f"container {name} cannot be started: {part.waiting}"
    how = f"{end.reason or 'ended'}, exit code {end.exit_code}"
    return f"container {name} keeps ending ({how}), {part.status.restart_count} restarts"


def _evidence(graph: Graph, pod: Pod, part: Part) -> Iterator[Evidence]:
    if part.waiting:
        yield field_evidence(pod, f"{part.status_path}.state.waiting.reason")
    if part.last_end is not None:
        yield field_evidence(pod, f"{part.end_path}.reason")
        yield field_evidence(pod, f"{part.end_path}.exitCode")
    if part.last_end is not None and part.last_end.message:
        yield field_evidence(pod, f"{part.end_path}.message")
    event = newest_event(graph, pod, "BackOff", "Failed")
    if event is not None:
        yield event_evidence(pod, event)
