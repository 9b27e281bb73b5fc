"""What a workload depends on: its own objects first, then those of whom it calls. Pure.

The other way round it is the blast radius of an object. Each object comes once, with the number of
calls between it and the workload.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.lately import read_by
from stratus_cli.kube.network_policy import EGRESS, INGRESS, end_of, policies_of
from stratus_cli.kube.rbac import bindings_of, role_of
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_rbac import ServiceAccount
from stratus_cli.model.objects_scheduling import LimitRange, ResourceQuota
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

FARTHEST = 4
"""Calls in a row that are followed. Our choice: few requests pass more services one by one."""


def reach(graph: Graph, workload: Workload, *, calls: bool) -> tuple[tuple[KubeObject, int], ...]:
    """(object, distance), nearest first. calls: follow them, else only its own objects."""
    start = ref_of(workload)
    stops: dict[Ref, int] = {start: 0}
    if calls:
        far = graph.calls.downstream(start)
        stops |= {ref: far[ref] for ref in far if ref != start and far[ref] <= FARTHEST}
    found: dict[Ref, tuple[KubeObject, int]] = {}
    for ref in sorted(stops, key=lambda one: (stops[one], one)):
        item = graph.snap.find(ref)
        if item is None:
            continue
        for near in (item, *(own_objects(graph, item) if isinstance(item, Workload) else ())):
            found.setdefault(ref_of(near), (near, stops[ref]))
    return tuple(found.values())


def own_objects(graph: Graph, workload: Workload) -> Iterator[KubeObject]:
    """What stands between its template and its pods that serve; each perhaps more than once."""
    here, spec = workload.metadata.namespace, workload.spec.template.spec
    yield from read_by(graph, workload)
    yield from sorted(graph.services_of(workload), key=lambda item: item.metadata.name)
    scaler = graph.autoscaler_of(workload)
    if scaler is not None:
        yield scaler
    for volume in spec.volumes:
        if volume.persistent_volume_claim is not None:
            name = volume.persistent_volume_claim.claim_name
            claim = graph.snap.get(PersistentVolumeClaim, here, name)
            if claim is not None:
                yield claim
    yield from _access(graph, workload)
    end = end_of(graph, workload)
    for direction in (INGRESS, EGRESS):
        yield from policies_of(graph, end, direction)
    for kind in (ResourceQuota, LimitRange):
        for item in graph.snap.of(kind):
            if item.metadata.namespace == here:
                yield item


def _access(graph: Graph, workload: Workload) -> Iterator[KubeObject]:
    """Its ServiceAccount, and what that may do by bindings of its own."""
    here = workload.metadata.namespace
    name = workload.spec.template.spec.service_account_name or "default"
    account = graph.snap.get(ServiceAccount, here, name)
    if account is not None:
        yield account
    for binding in bindings_of(graph, here, name):
        yield binding
        role = role_of(graph, binding)
        if role is not None:
            yield role
