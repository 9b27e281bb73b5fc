"""CTL803 pods-rewritten: pods differ from the template that they were made from.

Why it hurts: what runs is not what was deployed, and neither the Deployment nor its history shows
it; a new pod of the same revision behaves otherwise than the old ones.

How we tell: a container's image, command, args, variable, limit or request is set in the template
of the pod's own ReplicaSet (or present revision) and has another value in the pod. It is degraded
when such a pod is not ready though its time is over, or fails; else a risk.

Not this when: the template sets no value (admission fills in defaults); a vertical autoscaler says
that it did it; the pod is of another revision.

First look: `kubectl get mutatingwebhookconfigurations`, which of them are asked about pods here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_failing, is_ready, is_starting, live_pods
from stratus_cli.kube.rewritten import Rewrite, rewrites
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "CTL803",
    "pods-rewritten",
    Severity.DEGRADED,
    needs=("Pod", "ReplicaSet", "StatefulSet", "DaemonSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload."""
    by_owner: dict[Ref, list[tuple[Pod, tuple[Rewrite, ...]]]] = defaultdict(list)
    for pod in live_pods(graph):
        found = rewrites(graph, pod)
        owner = graph.top_owner(pod)
        if found and isinstance(owner, Workload):
            by_owner[ref_of(owner)].append((pod, found))
    for ref in sorted(by_owner):
        items = by_owner[ref]
        hurts = any(
            is_failing(graph, pod) or not (is_ready(pod) or is_starting(graph, pod))
            for pod, _ in items
        )
        changes = list(dict.fromkeys(change for _, found in items for change in found))
        said = ", ".join(f"{item.path} {item.found} in place of {item.wanted}" for item in changes)
        yield META.finding(
            ref,
            f"its pods are not as its template says: {said}",
            severity=Severity.DEGRADED if hurts else Severity.RISK,
            evidence=tuple(
                field_evidence(items[0][0], f"spec.{item.path}") for item in items[0][1]
            ),
        )
