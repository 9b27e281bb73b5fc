"""WRK202 pods-refused: the API server refuses the pods that a workload's controller makes.

Why it hurts: the pods do not exist, so nothing about them shows; a deleted pod does not come back.
Quota, admission, PodSecurity or a missing ServiceAccount refuse pods, not Deployments.

How we tell: condition ReplicaFailure with reason FailedCreate on the ReplicaSet or Deployment; for
StatefulSets and DaemonSets an event FailedCreate less than five minutes old while pods are missing.

Not this when: the wanted number of pods exists; only an old revision's ReplicaSet is refused.

First look: the condition's message names the quota, policy, webhook or account.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import EVENT_WINDOW_S, age_s, condition, is_live, newest_event
from stratus_cli.kube.workloads import available, holders, sorted_workloads, wanted
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import DaemonSet, StatefulSet, Workload
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "WRK202",
    "pods-refused",
    Severity.DEGRADED,
    needs=("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload."""
    for workload in sorted_workloads(graph):
        live = sum(is_live(pod) for pod in graph.new_pods_of(workload))
        if live >= wanted(workload):
            continue
        refusal = next(_refusals(graph, workload), None)
        if refusal is None:
            continue
        message, evidence = refusal
        yield META.finding(
            ref_of(workload),
            f"its pods are refused: {message.strip()}",
            severity=Severity.DEGRADED if available(workload) else Severity.OUTAGE,
            evidence=evidence,
        )


def _refusals(graph: Graph, workload: Workload) -> Iterator[tuple[str, tuple[Evidence, ...]]]:
    for holder in holders(graph, workload):
        failure = condition(holder.status.conditions, "ReplicaFailure")
        if failure is not None and failure.status == "True":
            path = "status.conditions[type=ReplicaFailure]"
            evidence = tuple(
                field_evidence(holder, f"{path}.{field}") for field in ("reason", "message")
            )
            yield failure.message, evidence
        event = newest_event(graph, holder, "FailedCreate")
        if (
            isinstance(holder, StatefulSet | DaemonSet)
            and event is not None
            and age_s(graph, event.last_seen) <= EVENT_WINDOW_S
        ):
            yield event.message, (event_evidence(holder, event),)
