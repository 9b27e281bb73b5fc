"""POD105 unschedulable: the scheduler finds no node for a pod.

Why it hurts: the pod does not run at all, and will not until a node, the pod or what else runs
there changes.

How we tell: condition PodScheduled is False with reason Unschedulable.

Not this when: the pod is held back by a scheduling gate (reason SchedulingGated), which is
somebody's intention; a node is nominated for it and pods there are being moved away.

First look: the condition's message counts the nodes by reason: selector, taint, resources, volume.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import condition, live_pods
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD105", "unschedulable", Severity.DEGRADED, needs=("Pod",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        scheduled = condition(pod.status.conditions, "PodScheduled")
        if scheduled is None or scheduled.status != "False" or scheduled.reason != "Unschedulable":
            continue
        path = "status.conditions[type=PodScheduled]"
        yield META.finding(
            ref_of(pod),
            f"no node takes it: {scheduled.message}",
            evidence=(
                field_evidence(pod, f"{path}.reason"),
                field_evidence(pod, f"{path}.message"),
            ),
        )
