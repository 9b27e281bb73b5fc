"""What a change touches, from the graph: the units to watch, and the units that must get better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stratus_cli.flow.taken_along import taken_along
from stratus_cli.kube.alerts import unit_of
from stratus_cli.kube.demand import callers
from stratus_cli.kube.for_good import is_for_good
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.kube.selectors import matches_map
from stratus_cli.kube.slo import ACCUSING, LAGGING
from stratus_cli.model.change import Change
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_network import Ingress, Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import HorizontalPodAutoscaler, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

BY_INGRESS = 2
"""Calls before an Ingress that a change of it touches: its controller, and who calls that."""
UNITS = (*WORKLOADS, "ReplicaSet", "Service", "Node", "PersistentVolumeClaim")


def blast_radius(graph: Graph, changes: Iterable[Change]) -> tuple[Ref, ...]:
    """Objects whose pods or traffic the changes touch, the changed ones left out; sorted."""
    kept = tuple(changes)
    roots = {change.ref for change in kept}
    found = {ref_of(item) for ref in roots for item in _touched(graph, ref)}
    found |= {ref_of(item) for change in kept for item in _selected(graph, change)}
    for_good = (it for it in kept if is_for_good(it.ref.kind, it.before, it.after))
    found |= {ref_of(item) for change in for_good for item in taken_along(graph, change)}
    return tuple(sorted(found - roots))


def units_of(graph: Graph, incident: Incident) -> tuple[Ref, ...]:
    """The units whose health must improve: those that the incident's symptoms are about."""
    refs = {unit_of(graph, finding.ref) for finding in _counting(incident)}
    return tuple(sorted(ref for ref in refs if ref.kind in UNITS))


def roots_of(graph: Graph, incident: Incident) -> tuple[tuple[str, Ref], ...]:
    """(rule, object) of the findings that must be gone; pods, which are replaced, as their unit."""
    found = {
        (finding.rule, unit_of(graph, finding.ref))
        for finding in _counting(incident)
        if finding.rule not in LAGGING
    }
    return tuple(sorted(found))


def _counting(incident: Incident) -> list[Finding]:
    """The symptoms that a repair must end.

    What merely accuses a caller may have a second root: it counts only where there is nothing else.
    """
    bad = [item for item in incident.symptoms if item.severity >= Severity.DEGRADED]
    return [item for item in bad if item.rule not in ACCUSING] or bad


def _touched(graph: Graph, ref: Ref) -> Iterator[KubeObject]:
    item = graph.snap.find(ref)
    if isinstance(item, Workload):
        yield from _of_workload(graph, item)
    elif isinstance(item, Service):
        yield from graph.selected_workloads(item)
        yield from _before(graph, item)
    elif isinstance(item, Ingress):
        for service in graph.services_in(ref.namespace):
            if item in graph.ingresses_to(service):
                yield service
        yield from _through(graph, item)
    for workload in _dependents(graph, ref, item):
        yield workload
        yield from _of_workload(graph, workload)


def _dependents(graph: Graph, ref: Ref, item: KubeObject | None) -> Iterator[Workload]:
    """Workloads whose pods this object decides on."""
    if isinstance(item, Pod):
        owner = graph.workload_of(item)
        if owner is not None:
            yield owner
    elif isinstance(item, HorizontalPodAutoscaler):
        for workload in graph.workloads_in(ref.namespace):
            if graph.autoscaler_of(workload) is item:
                yield workload
    elif ref.kind == "ConfigMap":
        yield from config_map_consumers(graph, ref)
    elif ref.kind in ("ResourceQuota", "LimitRange"):
        yield from graph.workloads_in(ref.namespace)


def _selected(graph: Graph, change: Change) -> Iterator[KubeObject]:
    """Of a Service its new pods, of an Ingress its new Services, of a policy all its traffic."""
    for item in (change.before, change.after):
        spec = (item or {}).get("spec") or {}
        if change.ref.kind == "NetworkPolicy":
            selector = (spec.get("podSelector") or {}).get("matchLabels") or {}
            if spec:  # an empty selector means every pod; expressions only narrow it
                yield from _matching(graph, change.ref.namespace, selector, reach=True)
        elif change.ref.kind == "Ingress" and item is change.after:
            names = set(_backends(spec))
            services = graph.services_in(change.ref.namespace)
            yield from (service for service in services if service.metadata.name in names)
        elif change.ref.kind == "Service" and item is change.after:
            selector = spec.get("selector")
            if isinstance(selector, dict) and selector:
                yield from _matching(graph, change.ref.namespace, selector, reach=False)


def _through(graph: Graph, ingress: Ingress) -> Iterator[KubeObject]:
    """Who answers by the Ingress, and who calls those."""
    for ref, calls in graph.calls.upstream(ref_of(ingress)).items():
        workload = graph.snap.find(ref)
        if calls <= BY_INGRESS and isinstance(workload, Workload):
            yield workload
            yield from graph.services_of(workload)


def _backends(spec: Mapping[str, Any]) -> Iterator[str]:
    """Names of the Services that an Ingress' spec routes to."""
    paths = (
        path
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
    )
    for backend in (spec.get("defaultBackend"), *(path.get("backend") for path in paths)):
        yield ((backend or {}).get("service") or {}).get("name") or ""


def _matching(
    graph: Graph, namespace: str, selector: Mapping[str, str], *, reach: bool
) -> Iterator[KubeObject]:
    """The workloads whose pods have these labels; reach: and what depends on them."""
    for workload in graph.workloads_in(namespace):
        if matches_map(selector, workload.spec.template.metadata.labels):
            yield workload
            if reach:
                yield from _of_workload(graph, workload)


def config_map_consumers(graph: Graph, ref: Ref) -> Iterator[Workload]:
    """Workloads whose template refers to the ConfigMap."""
    for workload in graph.workloads_in(ref.namespace):
        names = {name for name, _, _ in config_maps_used(workload.spec.template.spec)}
        if ref.name in names:
            yield workload


def _of_workload(graph: Graph, workload: Workload) -> Iterator[Service | Ingress | Workload]:
    top = graph.top_owner(workload)
    if top is not workload and isinstance(top, Workload):
        yield top
    for service in graph.services_of(workload):
        yield service
        yield from _before(graph, service)


def _before(graph: Graph, service: Service) -> Iterator[Service | Ingress | Workload]:
    """What passes its answers on: Ingresses, and workloads that call it, with their Services."""
    yield from graph.ingresses_to(service)
    for caller, _ in callers(graph, service):
        yield caller
        yield from graph.services_of(caller)
