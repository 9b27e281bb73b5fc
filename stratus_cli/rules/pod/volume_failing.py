"""POD104 volume-failing: a pod waits for a volume that cannot be mounted or attached.

Why it hurts: none of its containers starts. The ConfigMap, Secret, claim or host path behind the
volume is missing, or another node holds the disk.

How we tell: the pod is Pending in ContainerCreating or PodInitializing, and an event FailedMount,
FailedAttachVolume or FailedMapVolume about exactly this pod is less than five minutes old.

Not this when: the mount has succeeded since (the pod is no longer waiting); the event is about an
earlier pod of the same name (events are matched by uid).

First look: `kubectl describe pod`, the message of FailedMount.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import live_pods, mount_failure, parts
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD104", "volume-failing", Severity.DEGRADED, needs=("Pod", "Event"))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        event = mount_failure(graph, pod)
        if event is None:
            continue
        waiting = (
            field_evidence(pod, f"{part.status_path}.state.waiting.reason")
            for part in parts(pod)
            if part.waiting
        )
        yield META.finding(
            ref_of(pod),
            f"a volume cannot be mounted: {event.message.strip()}",
            evidence=(event_evidence(pod, event), *waiting),
        )
