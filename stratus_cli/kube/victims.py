"""What is found on a workload, and on those that rest on it: what a cause there explains. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from stratus_cli.kube.accused import TRAFFIC
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import crash_evidence, is_live, parts
from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

OWN = ("POD101", "POD106", "POD107", "BAT951")
"""Found on its own pods or on itself when it crashes, is not ready or has old values."""

Keys = tuple[tuple[str, Ref], ...]


def hurt(graph: Graph, findings: Iterable[Finding], workloads: Iterable[Workload]) -> Keys:
    """Findings that say these workloads do not work, and traffic's on who calls them."""
    items = list(workloads)
    own = {ref for item in items for ref in _refs(graph, item)}
    above = {ref for item in items for ref in graph.calls.upstream(ref_of(item))}
    above |= {
        ref_of(service)
        for ref in above
        if isinstance(found := graph.snap.find(ref), Workload)
        for service in graph.services_of(found)
    }
    return tuple(
        finding.key
        for finding in findings
        if finding.severity >= Severity.DEGRADED
        and (
            (finding.ref in own and finding.rule in OWN)
            or (finding.ref in own | above and finding.rule.startswith(TRAFFIC))
        )
    )


def crashing(graph: Graph, workloads: Iterable[Workload]) -> list[str]:
    """Those with a container that crashes, as kind/name: a restart of them hurts nobody."""
    return [
        f"{item.KIND.lower()}/{item.metadata.name}"
        for item in workloads
        if any(
            crash_evidence(graph, part)
            for pod in graph.new_pods_of(item)
            if is_live(pod)
            for part in parts(pod)
        )
    ]


def _refs(graph: Graph, item: Workload) -> Iterable[Ref]:
    services: tuple[Service, ...] = graph.services_of(item)
    pods = (ref_of(pod) for pod in graph.pods_of(item))
    return (ref_of(item), *pods, *(ref_of(service) for service in services))
