"""WRK201 unavailable: a workload has fewer available pods than it wants.

Why it hurts: with none available whatever needs it fails; with some, the rest carry its load.

How we tell: available pods are fewer than wanted by more than the rollout under way may leave out
(maxUnavailable) and more than the pods that are just starting with nothing against them. None
available is an outage, some is degraded.

Not this when: a rollout is within its deadline and old pods serve; a killed or new pod is within
its start-up allowance; the workload wants zero (WRK204 looks at that) or is being deleted.

First look: `kubectl get pods` of the workload; its pods or its ReplicaSet say why.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.workloads import available, available_path, short_of, sorted_workloads, wanted
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import DaemonSet
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "WRK201",
    "unavailable",
    Severity.DEGRADED,
    needs=("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload."""
    for workload in sorted_workloads(graph):
        if short_of(graph, workload) == 0:
            continue
        have, want = available(workload), wanted(workload)
        number = (
            "status.desiredNumberScheduled" if isinstance(workload, DaemonSet) else "spec.replicas"
        )
        yield META.finding(
            ref_of(workload),
            f"{have} of {want} pods available",
            severity=Severity.DEGRADED if have else Severity.OUTAGE,
            evidence=(
                field_evidence(workload, available_path(workload)),
                field_evidence(workload, number),
            ),
        )
