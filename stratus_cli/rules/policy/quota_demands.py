"""POL502 quota-demands: a ResourceQuota demands a value that workloads of its namespace do not set.

Why it hurts: pods that run keep running, but none of these can be made again: the next crash of a
node, rollout or deleted pod loses it for good.

How we tell: the quota limits requests or limits of cpu or memory, and a workload that wants pods
has a container that sets neither the request nor a limit it would be taken from. Where pods are
already refused, WRK202 says so.

Not this when: the quota has scopes (it applies to some pods only); a LimitRange may fill the value
in, which is not read: hence a risk with low confidence.

First look: `kubectl describe resourcequota` beside the resources of the workload's containers.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.workloads import sorted_workloads, wanted
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Container
from stratus_cli.model.objects_scheduling import ResourceQuota
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "POL502",
    "quota-demands",
    Severity.RISK,
    needs=("ResourceQuota", "Deployment", "StatefulSet", "DaemonSet"),
)

# Quota names that make a value compulsory; "cpu" and "memory" mean the requests (kubernetes.io,
# Resource Quotas).
COMPULSORY = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
}


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per quota."""
    for quota in sorted(
        graph.snap.of(ResourceQuota),
        key=lambda item: (item.metadata.namespace, item.metadata.name),
    ):
        demanded = sorted(set(quota.spec.hard) & set(COMPULSORY))
        if not demanded or quota.spec.is_scoped:
            continue
        without = [
            workload
            for workload in sorted_workloads(graph)
            if workload.metadata.namespace == quota.metadata.namespace
            and wanted(workload) > 0
            and _lacks(workload, demanded)
        ]
        if without:
            names = ", ".join(f"{item.KIND} {item.metadata.name}" for item in without)
            yield META.finding(
                ref_of(quota),
                f"demands {', '.join(demanded)}, which {names} does not set",
                confidence=Confidence.LOW,
                evidence=(field_evidence(quota, "spec.hard"),),
            )


def _lacks(workload: Workload, demanded: list[str]) -> bool:
    return any(
        not _sets(container, *COMPULSORY[name])
        for container in workload.spec.template.spec.containers
        for name in demanded
    )


def _sets(container: Container, kind: str, resource: str) -> bool:
    """A request that is missing is taken from the limit (API defaulting)."""
    resources = container.resources
    if kind == "limits":
        return resource in resources.limits
    return resource in resources.requests or resource in resources.limits
