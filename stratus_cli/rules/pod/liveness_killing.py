"""POD108 liveness-killing: kubelet ends a container again and again for its liveness probe.

Why it hurts: each restart drops the requests under way, and soon the pauses between two starts grow
to minutes. Between two kills the container may look ready, so nothing else shows it.

How we tell: an event less than five minutes old says that the container failed its liveness or
startup probe and is restarted, and since then it waits for its next start, or the probe has failed
again.

Not this when: it was killed once and the probe passes since; the event is older; the pod is
terminating or completed.

First look: the event Unhealthy says what the probe got: refused, time-out, or a status code.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import live_pods, parts
from stratus_cli.kube.probe_kills import ProbeKill, probe_kill
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD108", "liveness-killing", Severity.DEGRADED, needs=("Pod", "Event"))

SURE_RESTARTS = 2  # one kill and one more failure may be a slow moment


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        kills = [kill for part in parts(pod) if (kill := probe_kill(graph, pod, part))]
        if kills:
            yield _finding(pod, kills)


def _finding(pod: Pod, kills: list[ProbeKill]) -> Finding:
    said = "; ".join(
        f"container {kill.part.status.name} is ended for its {kill.name} probe,"
        f" {kill.part.status.restart_count} restarts"
        + (f": {kill.failure.message.strip()}" if kill.failure else "")
        for kill in kills
    )
    sure = any(kill.part.status.restart_count >= SURE_RESTARTS for kill in kills)
    evidence = []
    for kill in kills:
        if kill.part.last_end is not None:
            evidence.append(field_evidence(pod, f"{kill.part.end_path}.exitCode"))
        evidence.append(event_evidence(pod, kill.event))
        if kill.failure is not None:
            evidence.append(event_evidence(pod, kill.failure))
    return META.finding(
        ref_of(pod),
        said,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        evidence=tuple(evidence),
    )
