"""POD105 unschedulable: the scheduler finds no node for a pod.

Why it hurts: the pod does not run at all, and will not until a node, the pod or what else runs
there changes.

How we tell: condition PodScheduled is False with reason Unschedulable. Or there is no condition and
no node for longer than a start may take: no scheduler has looked at it, since none runs or none has
the name that the pod asks for.

Not this when: the pod is held back by a scheduling gate (reason SchedulingGated), which is
somebody's intention; a node is nominated for it and pods there are being moved away.

First look: the condition's message counts the nodes by reason: selector, taint, resources, volume.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import CREATION_ALLOWANCE_S, age_s, condition, live_pods
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD105", "unschedulable", Severity.DEGRADED, needs=("Pod",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        scheduled = condition(pod.status.conditions, "PodScheduled")
        if scheduled is None and is_overlooked(graph, pod):
            yield _overlooked(pod)
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


def is_overlooked(graph: Graph, pod: Pod) -> bool:
    """No node, and nobody who says why, for longer than it takes to be looked at."""
    since = age_s(graph, pod.metadata.creation_timestamp)
    is_held = bool(pod.spec.node_name or pod.status.conditions or pod.status.container_statuses)
    is_held = is_held or pod.status.phase != "Pending"
    return not is_held and CREATION_ALLOWANCE_S < since < float("inf")


def _overlooked(pod: Pod) -> Finding:
    return META.finding(
        ref_of(pod),
        "no scheduler has looked at it: is there one of the name that it asks for?",
        evidence=(field_evidence(pod, "spec.nodeName"), field_evidence(pod, "status.phase")),
    )
