"""Callers that a Service with internalTrafficPolicy Local leaves without an endpoint. Pure."""

from __future__ import annotations

from stratus_cli.kube.calls import Calls
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_live
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

FIELD = "spec.internalTrafficPolicy"


def stranded_callers(graph: Graph, calls: Calls, service: Service) -> tuple[Pod, ...]:
    """Live pods of callers on nodes without a ready endpoint; () when it has none anywhere."""
    ready = graph.ready_endpoints_of(service)
    nodes = {endpoint.node_name for endpoint in ready}
    if not nodes or "" in nodes or service.spec.cluster_ip == "None":
        return ()
    found: dict[str, Pod] = {}
    for ref in calls.callers(ref_of(service)):
        caller = graph.snap.find(ref)
        for pod in graph.pods_of(caller) if isinstance(caller, Workload) else ():
            if is_live(pod) and pod.spec.node_name and pod.spec.node_name not in nodes:
                found[pod.metadata.name] = pod
    return tuple(found[name] for name in sorted(found))
