"""Services that are only a name: where that leads. Pure."""

from __future__ import annotations

from stratus_cli.kube.called import is_cluster_name, service_named
from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_network import Service

EXTERNAL = "ExternalName"


def leads_past(graph: Graph, service: Service) -> tuple[str, ...]:
    """The workloads that its selector, which counts for nothing now, still matches."""
    return tuple(
        sorted(f"{item.KIND} {item.metadata.name}" for item in graph.selected_workloads(service))
    )


def leads_nowhere(graph: Graph, service: Service) -> bool:
    """Its name is a Service of the cluster that is not there."""
    name = service.spec.external_name.rstrip(".").lower()
    return (
        "." in name
        and graph.snap.was_read("Service")
        and is_cluster_name(graph, name)
        and service_named(graph, service.metadata.namespace, name) is None
    )
