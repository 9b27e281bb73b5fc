"""STO613 budget-blocks: a PodDisruptionBudget lets no pod go although all are well.

Why it hurts: a drain waits for ever, so nodes cannot be repaired or upgraded; autoscalers of nodes
cannot take them away. Rollouts and failures are not held back by it.

How we tell: every pod that it expects is healthy, and it allows no disruption.

Not this when: some pods are not healthy (then it does what it is for); it selects no pods.

First look: `kubectl get pdb`: minAvailable as large as the number of pods, or maxUnavailable 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import PodDisruptionBudget
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("STO613", "budget-blocks", Severity.RISK, needs=("PodDisruptionBudget",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per budget."""
    for budget in sorted(
        graph.snap.of(PodDisruptionBudget),
        key=lambda item: (item.metadata.namespace, item.metadata.name),
    ):
        status = budget.status
        if not status.expected_pods or status.current_healthy < status.expected_pods:
            continue
        if status.disruptions_allowed == 0 and budget.metadata.deletion_timestamp is None:
            yield META.finding(
                ref_of(budget),
                f"all {status.expected_pods} pods are well, and it lets none of them go",
                evidence=(
                    field_evidence(budget, "status.disruptionsAllowed"),
                    field_evidence(budget, "status.currentHealthy"),
                    field_evidence(budget, "spec"),
                ),
            )
