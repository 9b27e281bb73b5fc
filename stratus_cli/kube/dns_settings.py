"""Whether a pod, by its own DNS settings, can resolve the names of the cluster's Services. Pure."""

from __future__ import annotations

import ipaddress

from stratus_cli.kube.called import answer, called_by, containers_of
from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import PodSpec
from stratus_cli.model.objects_workload import Workload

_DNS = 53


def outside(graph: Graph, spec: PodSpec) -> str:
    """The field below the pod spec that leads its questions out of the cluster, or "".

    With dnsPolicy Default, and on the node's network with ClusterFirst, kubelet gives the pod the
    node's resolver (kubernetes.io, "DNS for Services and Pods"). Name servers of one's own count as
    outside only where they are public addresses: a private one may know the cluster's names.
    """
    if spec.dns_policy == "Default" or (spec.dns_policy == "ClusterFirst" and spec.host_network):
        return "" if _servers(spec) else "dnsPolicy"
    if spec.dns_policy != "None":
        return ""
    servers = _servers(spec)
    inside = _inside(graph)
    if not servers or any(item in inside or not _is_public(item) for item in servers):
        return ""
    return "dnsPolicy"


def names_called(graph: Graph, workload: Workload) -> tuple[str, ...]:
    """Services of the cluster that its containers are told to call by name."""
    namespace = workload.metadata.namespace
    return tuple(
        dict.fromkeys(
            item.host
            for path, container in containers_of(workload.spec.template.spec)
            for item in called_by(container, path)
            if answer(graph, namespace, item) in ("served", "no such port")
        )
    )


def _servers(spec: PodSpec) -> list[str]:
    servers = spec.dns_config.get("nameservers")
    return [item for item in servers if isinstance(item, str)] if isinstance(servers, list) else []


def _inside(graph: Graph) -> set[str]:
    """Addresses of Services that answer DNS."""
    return {
        item.spec.cluster_ip
        for item in graph.snap.of(Service)
        if any(port.port == _DNS for port in item.spec.ports)
    }


def _is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
