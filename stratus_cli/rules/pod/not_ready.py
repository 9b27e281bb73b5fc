"""POD106 not-ready: a container runs, but is not ready for longer than its probes allow.

Why it hurts: the pod gets no traffic from its Services, and a rollout waits for it.

How we tell: a running container has ready=false, and since its start or its last change of
readiness more time went by than start-up and readiness probe allow together (initial delay and
failure threshold times period of each), plus ten seconds in which kubelet reports. One that was
restarted after such a time without ever being ready is not given it again.

Not this when: the container is still within that time; it crashes or cannot start (POD101 to
POD104 say so); the pod is terminating or completed.

First look: the event Unhealthy says what the probe got: refused, time-out, or a status code.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import crash_evidence, is_overdue, live_pods, newest_event, parts
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD106", "not-ready", Severity.DEGRADED, needs=("Pod",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        unready = [
            part
            for part in parts(pod)
            if is_overdue(graph, pod, part) and not crash_evidence(graph, part)
        ]
        if not unready:
            continue
        event = newest_event(graph, pod, "Unhealthy")
        why = f": {event.message.strip()}" if event else ""
        names = ", ".join(part.status.name for part in unready)
        evidence = [field_evidence(pod, f"{part.status_path}.ready") for part in unready]
        if event is not None:
            evidence.append(event_evidence(pod, event))
        yield META.finding(
            ref_of(pod),
            f"container {names} runs but is not ready{why}",
            evidence=tuple(evidence),
        )
