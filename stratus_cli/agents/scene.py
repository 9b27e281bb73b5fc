"""Which objects, events, log lines and signals an agent is shown for an incident. Pure.

Closest first, so that what a bounded text leaves out is what matters least.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratus_cli.agents.flat import fields_of
from stratus_cli.kube.evidence import event_evidence, log_evidence
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.pods import is_ready
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node, ResourceQuota
from stratus_cli.model.objects_workload import Deployment, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, ref_of

MOST_OBJECTS = 24
MOST_FIELDS = 60  # of one object
MOST_EVENTS = 5  # about one object
MOST_LOG_LINES = 15  # of one container
MOST_PODS = 2  # of one workload: the others fail alike
MOST_ALERTS = 10


def related(incident: Incident, graph: Graph) -> tuple[KubeObject, ...]:
    """Roots and what the symptoms name, their workloads, then everything one step away."""
    found: dict[Ref, KubeObject] = {}
    named = (
        *(root.root for root in incident.roots),
        *incident.targets,
        *(rival.root for rival in incident.rivals),
    )
    start = [item for ref in named if (item := graph.snap.find(ref)) is not None]
    start += [graph.top_owner(item) for item in start]
    for item in start:
        if not _is_one_of_many(item, found.values(), graph):
            found.setdefault(ref_of(item), item)
    for item in tuple(found.values()):
        for near in _around(item, graph):
            found.setdefault(ref_of(near), near)
    return tuple(found.values())[:MOST_OBJECTS]


def facts(incident: Incident, graph: Graph) -> Iterator[Evidence]:
    """Everything citable: what was already found, then events, logs and fields of each object."""
    for diagnosis in (*incident.roots, *incident.rivals):
        yield from diagnosis.evidence
    for symptom in incident.symptoms:
        yield from symptom.evidence
    objects = related(incident, graph)
    for item in objects:
        yield from (event_evidence(item, x) for x in graph.events_of(item)[:MOST_EVENTS])
    yield from _signals(incident, objects, graph.snap)
    for item in objects:
        for count, evidence in enumerate(fields_of(item)):
            if count == MOST_FIELDS:
                break
            yield evidence


def _signals(
    incident: Incident, objects: tuple[KubeObject, ...], snap: Snapshot
) -> Iterator[Evidence]:
    refs = {ref_of(item) for item in objects}
    for tail in snap.signals.logs:
        if tail.pod in refs:
            for line in tail.lines[-MOST_LOG_LINES:]:
                yield log_evidence(tail.pod, tail.container, previous=tail.previous, line=line)
    root = incident.roots[0].root
    near = [x for x in snap.signals.alerts if x.labels.get("namespace", "") == root.namespace]
    for alert in near[:MOST_ALERTS]:
        yield Evidence("alert", root, alert.name, alert.summary, alert.starts_at)
    for traffic in snap.signals.traffic:
        if traffic.ref in refs:
            figures = f"requests={traffic.requests} errors={traffic.error_rate} p99={traffic.p99_s}"
            yield Evidence("metric", traffic.ref, "traffic", figures, traffic.taken_at)


def _around(item: KubeObject, graph: Graph) -> Iterator[KubeObject]:
    """One step along owners, selectors and references."""
    if isinstance(item, Workload):
        pods = sorted(graph.pods_of(item), key=is_ready)
        yield from pods[:MOST_PODS]
        if isinstance(item, Deployment):
            yield from graph.replica_sets_of(item)[1:3]  # the present one says what it says
        yield from graph.services_of(item)
        if (autoscaler := graph.autoscaler_of(item)) is not None:
            yield autoscaler
        for name, _, _ in config_maps_used(item.spec.template.spec):
            if (found := graph.snap.get(ConfigMap, item.metadata.namespace, name)) is not None:
                yield found
        yield from _quotas(item.metadata.namespace, graph)
    elif isinstance(item, Service):
        yield from graph.slices_of(item)
        selected = graph.selected_workloads(item)
        yield from selected or graph.workloads_in(item.metadata.namespace)[:5]
        yield from graph.ingresses_to(item)
    elif isinstance(item, Pod):
        name = item.spec.node_name
        if name and (node := graph.snap.get(Node, "", name)) is not None:
            yield node


def _quotas(namespace: str, graph: Graph) -> Iterator[ResourceQuota]:
    for quota in graph.snap.of(ResourceQuota):
        if quota.metadata.namespace == namespace:
            yield quota


def _is_one_of_many(item: KubeObject, shown: Iterable[KubeObject], graph: Graph) -> bool:
    """A further pod of a workload whose pods are already represented."""
    if not isinstance(item, Pod) or (owner := graph.workload_of(item)) is None:
        return False
    alike = [x for x in shown if isinstance(x, Pod) and graph.workload_of(x) is owner]
    return len(alike) >= MOST_PODS
