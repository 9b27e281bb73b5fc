"""WRK204 scaled-to-zero: a workload has zero replicas although something wants it to serve.

Why it hurts: whatever calls it fails, and nothing else shows: no pod, no event, no restart.

How we tell: spec.replicas is 0, and an Ingress routes to its Service, a workload's settings name
its Service, an autoscaler wants at least one, or it was scaled down less than 24 hours ago.

Not this when: nothing asks for it (parked); only a Service selects it (that is a risk, not an
outage); a scaler such as KEDA or an operator brought it to zero; it is being deleted.

First look: `kubectl describe deployment`: the event ScalingReplicaSet has the old number.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.demand import demand
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.workloads import sorted_workloads
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import DaemonSet
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "WRK204",
    "scaled-to-zero",
    Severity.OUTAGE,
    needs=("Deployment", "ReplicaSet", "StatefulSet", "Service"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload."""
    for workload in sorted_workloads(graph):
        if isinstance(workload, DaemonSet) or workload.spec.replicas != 0:
            continue
        reasons = demand(graph, workload)
        if not reasons:
            continue
        strong = [reason for reason in reasons if reason.strong]
        yield META.finding(
            ref_of(workload),
            f"zero replicas, but {'; '.join(reason.text for reason in strong or reasons)}",
            severity=Severity.OUTAGE if strong else Severity.RISK,
            confidence=Confidence.HIGH if len(strong) > 1 else Confidence.MEDIUM,
            evidence=(
                field_evidence(workload, "spec.replicas"),
                *(reason.evidence for reason in reasons),
            ),
        )
