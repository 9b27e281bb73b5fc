"""When a Service has converged: its EndpointSlices are what selector, pods and ports make. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_live, is_ready
from stratus_cli.kube.ports import served_ports, target_of
from stratus_cli.model.objects_network import EndpointSlice, Service, ServicePort
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref


def service(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """The ready pods of its selector serve, on the ports that it means now."""
    item = graph.snap.find(ref)
    if not isinstance(item, Service) or not item.spec.selector:
        return
    # By name: a pod has one address of each family, and status.podIP is one of them.
    ready = {
        pod.metadata.name: pod
        for pod in graph.selected_pods(item)
        if is_live(pod) and is_ready(pod) and pod.status.pod_ip
    }
    serving = {
        endpoint.target_ref.name if endpoint.target_ref else ", ".join(endpoint.addresses)
        for endpoint in graph.ready_endpoints_of(item)
    }
    unready = serving - ready.keys()
    if ready.keys() - serving or (unready and not item.spec.publish_not_ready_addresses):
        pods = "1 ready pod" if len(ready) == 1 else f"{len(ready)} ready pods"
        yield f"Service {ref.name}: its endpoints are not yet those of the {pods}"
    for piece in graph.slices_of(item):
        named = {end.target_ref.name for end in piece.endpoints or () if end.target_ref}
        if piece.endpoints:
            yield from _ports(item, piece, [ready[name] for name in sorted(ready.keys() & named)])


def _ports(item: Service, piece: EndpointSlice, pods: Collection[Pod]) -> Iterator[str]:
    """Ports of one slice that are those of another target. A name may differ from pod to pod."""
    name = item.metadata.name
    said = {port.name: port.port for port in piece.ports or ()}
    for port in item.spec.ports:
        means = _numbers(port, pods)
        number = said.get(port.name)
        if port.name in said and number is not None and means and number not in means:
            wanted = " or ".join(map(str, sorted(means)))
            yield f"Service {name}: an endpoint port is still {number}, not {wanted}"
        elif port.name not in said and means:
            yield f"Service {name}: its endpoints do not have port {port.name or port.port} yet"


def _numbers(port: ServicePort, pods: Collection[Pod]) -> set[int]:
    """The numbers that a target port stands for on these pods; empty where none is known."""
    target = target_of(port)
    if isinstance(target, int):
        return {target}
    return {
        served.number
        for pod in pods
        for served in served_ports(pod.spec)
        if served.declared and served.name == target and served.protocol == port.protocol
    }
