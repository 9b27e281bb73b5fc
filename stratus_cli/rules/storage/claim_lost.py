"""STO602 claim-lost: the volume behind a claim is gone.

Why it hurts: pods that mount the claim cannot start again, and what was stored may be lost.

How we tell: the claim's phase is Lost.

Not this when: no live pod mounts it: then it is only a risk.

First look: `kubectl describe pvc` and `kubectl get pv`: was the volume deleted, or given to another
claim?
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.claims import users_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("STO602", "claim-lost", Severity.DEGRADED, needs=("PersistentVolumeClaim", "Pod"))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per claim."""
    for claim in sorted(
        graph.snap.of(PersistentVolumeClaim),
        key=lambda item: (item.metadata.namespace, item.metadata.name),
    ):
        if claim.status.phase == "Lost":
            yield META.finding(
                ref_of(claim),
                f"its volume {claim.spec.volume_name} is gone",
                severity=Severity.DEGRADED if users_of(graph, claim) else Severity.RISK,
                evidence=(
                    field_evidence(claim, "status.phase"),
                    field_evidence(claim, "spec.volumeName"),
                ),
            )
