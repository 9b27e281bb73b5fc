"""CTL804 api-unavailable: an aggregated API is not available.

Why it hurts: everything that asks it fails: autoscalers without metrics, `kubectl top`; namespaces
cannot be deleted, since what is in them cannot be listed.

How we tell: an APIService that a Service of the cluster serves has the condition Available False,
for a minute or more.

Not this when: it has been so for less than a minute (its only pod is being replaced); the API
server serves it itself.

First look: `kubectl get apiservices` and the condition's message.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import CREATION_ALLOWANCE_S, age_s, condition
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_admission import APIService
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("CTL804", "api-unavailable", Severity.DEGRADED, needs=("APIService",))
PATH = "status.conditions[type=Available]"


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per APIService."""
    for item in sorted(graph.snap.of(APIService), key=lambda one: one.metadata.name):
        state = condition(item.status.conditions, "Available")
        if item.spec.service is None or state is None or state.status != "False":
            continue
        if age_s(graph, state.last_transition_time) < CREATION_ALLOWANCE_S:
            continue
        yield META.finding(
            ref_of(item),
            f"it is not available: {state.message.strip()}",
            evidence=(
                field_evidence(item, f"{PATH}.reason"),
                field_evidence(item, f"{PATH}.message"),
            ),
        )
