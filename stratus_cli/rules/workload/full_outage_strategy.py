"""WRK208 full-outage-strategy: a rollout may take away every pod at once.

Why it hurts: with maxUnavailable at the number of replicas nothing serves until the new pods do; if
those never get ready, nothing ever does.

How we tell: a Deployment of two or more replicas whose rolling update allows all of them to be
unavailable (100 %, or as many). It is an outage while its rollout has left none available, else a
risk.

Not this when: the strategy is Recreate, which says so openly; there is one replica, for which a
percentage is rounded; the Deployment wants none.

First look: `kubectl get deployment NAME -o yaml`, spec.strategy.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.workloads import available, short_of, sorted_workloads, takes_all, wanted
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import Deployment
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "WRK208",
    "full-outage-strategy",
    Severity.RISK,
    needs=("Pod", "Deployment", "ReplicaSet"),
)

PATH = "spec.strategy.rollingUpdate.maxUnavailable"


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Deployment."""
    for workload in sorted_workloads(graph):
        if not isinstance(workload, Deployment) or not takes_all(workload):
            continue
        down = available(workload) == 0 and short_of(graph, workload) > 0
        yield META.finding(
            ref_of(workload),
            f"a rollout may take all {wanted(workload)} pods away at once"
            + (", and the one under way did" if down else ""),
            severity=Severity.OUTAGE if down else Severity.RISK,
            evidence=(field_evidence(workload, PATH), field_evidence(workload, "spec.replicas")),
        )
