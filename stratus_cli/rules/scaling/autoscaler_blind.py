"""STO611 autoscaler-blind: a HorizontalPodAutoscaler cannot compute how many pods are needed.

Why it hurts: the workload keeps the number it has, however much traffic comes.

How we tell: condition ScalingActive has been False for longer than a minute, with a reason that
says that a metric cannot be had. Degraded where a container lacks the request that a share is taken
of, which no waiting cures; else a risk.

Not this when: the target is scaled to zero (ScalingDisabled); pods or the autoscaler are new and
have no metrics yet.

First look: `kubectl describe hpa`: the message names the metric, and the container.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.autoscalers import MISSING_REQUEST, sorted_autoscalers
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import CREATION_ALLOWANCE_S, age_s, condition
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("STO611", "autoscaler-blind", Severity.DEGRADED, needs=("HorizontalPodAutoscaler",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per autoscaler."""
    for scaler in sorted_autoscalers(graph):
        active = condition(scaler.status.conditions, "ScalingActive")
        if active is None or active.status != "False" or not active.reason.startswith("FailedGet"):
            continue
        lacks = MISSING_REQUEST.search(active.message) is not None
        since = age_s(graph, active.last_transition_time)
        if not lacks and since <= CREATION_ALLOWANCE_S:
            continue
        path = "status.conditions[type=ScalingActive]"
        yield META.finding(
            ref_of(scaler),
            active.message or active.reason,
            severity=Severity.DEGRADED if lacks else Severity.RISK,
            evidence=(
                field_evidence(scaler, f"{path}.reason"),
                field_evidence(scaler, f"{path}.message"),
            ),
        )
