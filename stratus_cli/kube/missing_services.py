"""Names that are called as Services and have none, and the workload that each would front.

Pure. What was not read is not missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from stratus_cli.kube.calls import Call
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.spelling import nearly
from stratus_cli.kube.workloads import wanted
from stratus_cli.model.objects_pod import ContainerPort
from stratus_cli.model.objects_workload import StatefulSet, Workload
from stratus_cli.model.ref import Ref

NAME_LABELS = ("app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/component", "name")


@dataclass(frozen=True, slots=True)
class MissingService:
    """One absent Service. calls: who names it. workload: whom it would front, None if unclear."""

    ref: Ref
    calls: tuple[Call, ...]
    workload: Workload | None


def missing_services(graph: Graph) -> tuple[MissingService, ...]:
    """Each one once, by ref. A name that nearly is a Service's is misspelt, not missing."""
    if not graph.snap.was_read("Service"):
        return ()
    found: dict[Ref, list[Call]] = defaultdict(list)
    for call in graph.calls.absent:
        if graph.snap.scope.covers(call.callee.namespace):
            found[call.callee].append(call)
    made = []
    for ref in sorted(found):
        fronted = fronted_by(graph, ref)
        if fronted is None and _is_misspelt(graph, ref):
            continue
        made.append(MissingService(ref, tuple(found[ref]), fronted))
    return tuple(made)


def fronted_by(graph: Graph, ref: Ref) -> Workload | None:
    """The one workload of that name (or whose name label says so) that no Service selects."""
    here = [
        item
        for item in graph.workloads_in(ref.namespace)
        if item.metadata.deletion_timestamp is None
        and wanted(item) > 0
        and not graph.services_of(item)
    ]
    governed = [
        item
        for item in here
        if isinstance(item, StatefulSet) and item.spec.service_name == ref.name
    ]
    named = [item for item in here if item.metadata.name == ref.name]
    labelled = [item for item in here if ref.name in _names(item)]
    for found in (governed, named, labelled):
        if found:
            return found[0] if len(found) == 1 else None
    return None


def declared_ports(workload: Workload) -> tuple[ContainerPort, ...]:
    """What its containers say they serve to others; ports of metrics beside others left out."""
    spec = workload.spec.template.spec
    ports = [port for item in spec.containers for port in item.ports]
    plain = [port for port in ports if "metric" not in port.name and "admin" not in port.name]
    return tuple(plain or ports)


def _is_misspelt(graph: Graph, ref: Ref) -> bool:
    names = [item.metadata.name for item in graph.services_in(ref.namespace)]
    return bool(nearly(ref.name, names))


def _names(workload: Workload) -> set[str]:
    labels: Mapping[str, str] = workload.spec.template.metadata.labels
    return {labels[key] for key in NAME_LABELS if key in labels}
