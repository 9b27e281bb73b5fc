"""WRK203 rollout-stuck: a Deployment's new revision made no progress within its deadline.

Why it hurts: old and new revision stay side by side, or nothing of the new one runs; the next
deploy piles up on it.

How we tell: condition Progressing is False with reason ProgressDeadlineExceeded.

Not this when: the rollout is within its deadline (default 600 s) or paused.

First look: the newest ReplicaSet's pods: what keeps them from becoming ready?
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import condition
from stratus_cli.kube.workloads import sorted_workloads
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import Deployment
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("WRK203", "rollout-stuck", Severity.DEGRADED, needs=("Deployment",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Deployment."""
    for workload in sorted_workloads(graph):
        if not isinstance(workload, Deployment) or workload.spec.paused:
            continue
        progressing = condition(workload.status.conditions, "Progressing")
        if progressing is None or progressing.reason != "ProgressDeadlineExceeded":
            continue
        path = "status.conditions[type=Progressing]"
        yield META.finding(
            ref_of(workload),
            progressing.message or "the rollout exceeded its progress deadline",
            evidence=(
                field_evidence(workload, f"{path}.reason"),
                field_evidence(workload, "status.updatedReplicas"),
            ),
        )
