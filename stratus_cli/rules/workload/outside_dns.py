"""WRK206 outside-dns: a workload that calls Services by name asks resolvers outside the cluster.

Why it hurts: the names of Services are known to the cluster's DNS alone, so none of them resolves.

How we tell: dnsPolicy None with public name servers only, Default, or ClusterFirst on the node's
network, while env, args or command name a Service that is there. It is degraded when an earlier
revision asked the cluster, it was set within the last hour, a log says that a name does not
resolve, or the workload has fewer pods than it wants; else a risk.

Not this when: a name server is the cluster's DNS or a private address; no Service is called.

First look: `kubectl exec POD -- cat /etc/resolv.conf`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.dns_settings import names_called, outside
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_facts import facts_of_pods
from stratus_cli.kube.log_patterns import UNRESOLVED
from stratus_cli.kube.pods import age_s
from stratus_cli.kube.timeline import LATER_S
from stratus_cli.kube.workloads import older_replica_sets, short_of, sorted_workloads
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "WRK206",
    "outside-dns",
    Severity.DEGRADED,
    needs=("Service", "Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
)

PREFIX = "spec.template.spec."


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload."""
    for workload in sorted_workloads(graph):
        field = outside(graph, workload.spec.template.spec)
        names = names_called(graph, workload) if field else ()
        if not names:
            continue
        hurts = short_of(graph, workload) > 0 or _shows(graph, workload, field)
        evidence = [field_evidence(workload, PREFIX + field)]
        if workload.spec.template.spec.dns_config:
            evidence.append(field_evidence(workload, f"{PREFIX}dnsConfig"))
        policy = workload.spec.template.spec.dns_policy
        yield META.finding(
            ref_of(workload),
            f"calls {', '.join(names[:3])}, and with dnsPolicy {policy} its resolvers do not know"
            " the names of the cluster",
            severity=Severity.DEGRADED if hurts else Severity.RISK,
            evidence=tuple(evidence),
        )


def _shows(graph: Graph, workload: Workload, field: str) -> bool:
    """It was otherwise before, was set lately, or a log complains of a name."""
    if any(
        not outside(graph, old.spec.template.spec) for old in older_replica_sets(graph, workload)
    ):
        return True
    change = last_change(workload, PREFIX + field)
    lately = change is not None and age_s(graph, change.at) <= LATER_S
    pods = [ref_of(pod) for pod in graph.new_pods_of(workload)]
    return (change is not None and not change.at_creation and lately) or bool(
        facts_of_pods(graph.snap, pods, UNRESOLVED)
    )
