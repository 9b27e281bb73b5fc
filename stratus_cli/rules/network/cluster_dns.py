"""NET703 cluster-dns: the cluster's DNS is told not to answer for Services that are there.

Why it hurts: every call by that name fails, from every namespace, while all pods are ready.

How we tell: the Corefile of the server behind the DNS Service refuses, rewrites or overrides the
name of a Service, has no plugin kubernetes for the cluster's domain, or cannot be read.

Not this when: what it refuses is no Service's name, is answered by another server block, or is
IPv6 only; the cluster has another domain; the server is not CoreDNS.

First look: `kubectl -n kube-system get configmap coredns -o yaml`, and a look-up from a pod.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.cluster_dns import FIELD, cluster_dns, dns_problems
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "NET703",
    "cluster-dns",
    Severity.DEGRADED,
    needs=("ConfigMap", "Service", "Deployment", "DaemonSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per server."""
    for dns in cluster_dns(graph):
        found = dns_problems(graph, dns)
        if found:
            yield META.finding(
                ref_of(dns.workload),
                f"ConfigMap {dns.config.metadata.name}: {'; '.join(item.what for item in found)}",
                severity=Severity.OUTAGE
                if any(item.whole for item in found)
                else Severity.DEGRADED,
                evidence=(field_evidence(dns.config, FIELD),),
            )
