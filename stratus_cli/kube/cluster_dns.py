"""The cluster's DNS: its Service, its workload and its Corefile, and what is wrong in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.kube.corefile import Problem, problems
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload

PORT = 53
KEY = "Corefile"
FIELD = f"data.{KEY}"
SYSTEM = "kube-system"


@dataclass(frozen=True, slots=True)
class ClusterDns:
    """One server of names with the ConfigMap that holds its Corefile."""

    service: Service
    workload: Workload
    config: ConfigMap

    @property
    def text(self) -> str:
        """The Corefile."""
        return self.config.data.get(KEY, "")


def cluster_dns(graph: Graph) -> Iterator[ClusterDns]:
    """The servers of kube-system that a Service on port 53 leads to, each ConfigMap once."""
    seen: set[str] = set()
    for service in sorted(graph.services_in(SYSTEM), key=lambda item: item.metadata.name):
        if not any(port.port == PORT for port in service.spec.ports):
            continue
        for workload in graph.selected_workloads(service):
            for name, _, _ in config_maps_used(workload.spec.template.spec):
                config = graph.snap.get(ConfigMap, SYSTEM, name)
                if config is not None and KEY in config.data and name not in seen:
                    seen.add(name)
                    yield ClusterDns(service, workload, config)


def dns_problems(graph: Graph, dns: ClusterDns) -> tuple[Problem, ...]:
    """What in the Corefile keeps the names of Services that are there from resolving."""
    services = (
        (item.metadata.name, item.metadata.namespace, item.spec.cluster_ip)
        for item in sorted(
            graph.snap.of(Service), key=lambda item: (item.metadata.namespace, item.metadata.name)
        )
        if item.spec.type != "ExternalName"
    )
    return problems(dns.text, services)
