"""Settling: what of a change has not converged yet, per kind, and how long that may take. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.pods import condition, is_live, is_ready
from stratus_cli.kube.ports import target_of
from stratus_cli.kube.workloads import available, sorted_workloads, wanted
from stratus_cli.model.objects import (
    DaemonSet,
    Deployment,
    Pod,
    ReplicaSet,
    Service,
    StatefulSet,
    Workload,
)
from stratus_cli.model.ref import Ref

BACK_OFF_S = 330.0  # kubelet: 300 s after crashes, 122 s for mounts (Kubernetes 1.34), and a bit
ENDPOINTS_S = 60.0  # the EndpointSlice controller takes a second; a minute says it is stuck


def unsettled(graph: Graph, written: Mapping[Ref, int]) -> tuple[str, ...]:
    """What is still converging, as sentences; () when all is. written: ref -> generation or 0."""
    found: list[str] = []
    for ref, generation in sorted(written.items()):
        check = _CHECKS.get(ref.kind)
        if check is not None:
            found.extend(check(graph, ref, generation))
    return tuple(dict.fromkeys(found))


def deadline_s(graph: Graph, refs: Sequence[Ref]) -> float:
    """How long the written objects may take to converge."""
    limits = [ENDPOINTS_S]
    for ref in refs:
        item = graph.snap.find(ref)
        if isinstance(item, Deployment):
            limits.append(float(item.spec.progress_deadline_seconds))
        elif ref.kind != "Service":
            limits.append(BACK_OFF_S)
    return max(limits)


def _workload(graph: Graph, ref: Ref, generation: int) -> Iterator[str]:
    item = graph.snap.find(ref)
    if not isinstance(item, Workload):
        return  # deleted by the change, or not read: the verdict says so
    name, status, number = f"{ref.kind} {ref.name}", item.status, wanted(item)
    if status.observed_generation < max(generation, item.metadata.generation):
        yield f"{name}: its controller has not seen the change yet"
        return
    if isinstance(item, Deployment) and item.spec.paused:
        return
    updated = _updated(item)
    if updated < number:
        yield f"{name}: {updated} of {number} pods are updated"
    if available(item) < number:
        yield f"{name}: {available(item)} of {number} pods are available"
    old = [
        pod for pod in graph.pods_of(item) if is_live(pod) and pod not in graph.new_pods_of(item)
    ]
    if old:
        yield f"{name}: {_some(len(old), 'old pod')} still there"
    extra = status.replicas - number
    if not isinstance(item, DaemonSet) and extra > 0 and not old:
        yield f"{name}: {_some(extra, 'pod')} too many"


def _some(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _updated(item: Workload) -> int:
    if isinstance(item, DaemonSet):
        return item.status.updated_number_scheduled
    if isinstance(item, ReplicaSet):
        return item.status.replicas
    if isinstance(item, StatefulSet) and not item.status.update_revision:
        return item.status.replicas
    return item.status.updated_replicas


def _service(graph: Graph, ref: Ref, generation: int) -> Iterator[str]:
    """The EndpointSlices are what selector, ready pods and ports make of them."""
    item = graph.snap.find(ref)
    if not isinstance(item, Service) or not item.spec.selector:
        return
    # By name: a pod has one address of each family, and status.podIP is one of them.
    ready = {
        pod.metadata.name
        for pod in graph.selected_pods(item)
        if is_live(pod) and is_ready(pod) and pod.status.pod_ip
    }
    serving = {
        endpoint.target_ref.name if endpoint.target_ref else ", ".join(endpoint.addresses)
        for endpoint in graph.ready_endpoints_of(item)
    }
    if ready - serving or (serving - ready and not item.spec.publish_not_ready_addresses):
        pods = _some(len(ready), "ready pod")
        yield f"Service {ref.name}: its endpoints are not yet those of the {pods}"
    wanted_ports = {port.name: target_of(port) for port in item.spec.ports}
    for piece in graph.slices_of(item):
        for port in piece.ports or ():
            target = wanted_ports.get(port.name)
            if piece.endpoints and isinstance(target, int) and port.port not in (None, target):
                yield f"Service {ref.name}: an endpoint port is still {port.port}, not {target}"


def _config_map(graph: Graph, ref: Ref, generation: int) -> Iterator[str]:
    """Whoever needs it runs."""
    for workload in graph.workloads_in(ref.namespace):
        names = {name for name, _, _ in config_maps_used(workload.spec.template.spec)}
        if ref.name in names and not isinstance(workload, ReplicaSet):
            yield from _has_all(workload)


def _quota(graph: Graph, ref: Ref, generation: int) -> Iterator[str]:
    """Whoever was refused pods has them."""
    for workload in sorted_workloads(graph):
        if workload.metadata.namespace != ref.namespace:
            continue
        failure = condition(workload.status.conditions, "ReplicaFailure")
        if failure is not None and failure.status == "True":
            yield f"{workload.KIND} {workload.metadata.name}: its pods were refused"
            yield from _has_all(workload)


def _has_all(workload: Workload) -> Iterator[str]:
    number, have = wanted(workload), available(workload)
    if have < number:
        yield f"{workload.KIND} {workload.metadata.name}: {have} of {number} pods are available"


def _pod(graph: Graph, ref: Ref, generation: int) -> Iterator[str]:
    """A deleted pod is gone, and the one that takes its place is ready."""
    item = graph.snap.find(ref)
    if isinstance(item, Pod) and item.metadata.deletion_timestamp is not None:
        yield f"Pod {ref.name}: it is still terminating"
        return
    # Pods are named after what makes them: OWNER-SUFFIX.
    owner = ref.name.rpartition("-")[0]
    for kind in (ReplicaSet, StatefulSet, DaemonSet):
        maker = graph.snap.get(kind, ref.namespace, owner)
        top = graph.top_owner(maker) if maker is not None else None
        if isinstance(top, Workload):
            yield from _has_all(top)


_CHECKS: Mapping[str, Callable[[Graph, Ref, int], Iterator[str]]] = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"), _workload),
    "Service": _service,
    "ConfigMap": _config_map,
    "ResourceQuota": _quota,
    "Pod": _pod,
}
