"""STO612 autoscaler-target-missing: a HorizontalPodAutoscaler is for a workload that is not there.

Why it hurts: nothing is scaled: the workload that was meant keeps the number it has.

How we tell: condition AbleToScale is False with reason FailedGetScale, and no workload of the
namespace has the kind and name of its target.

Not this when: the target is of a kind that is not read, or the workloads were not.

First look: `kubectl describe hpa` and `kubectl get deployments,statefulsets`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.autoscalers import sorted_autoscalers, target_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.kube.pods import condition
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "STO612",
    "autoscaler-target-missing",
    Severity.DEGRADED,
    needs=("HorizontalPodAutoscaler", "Deployment", "StatefulSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per autoscaler."""
    for scaler in sorted_autoscalers(graph):
        able = condition(scaler.status.conditions, "AbleToScale")
        target = scaler.spec.scale_target_ref
        if able is None or able.status != "False" or able.reason != "FailedGetScale":
            continue
        if target.kind in WORKLOADS and target_of(graph, scaler) is None:
            yield META.finding(
                ref_of(scaler),
                f"its target {target.kind} {target.name} does not exist",
                evidence=(
                    field_evidence(scaler, "spec.scaleTargetRef.name"),
                    field_evidence(scaler, "status.conditions[type=AbleToScale].reason"),
                ),
            )
