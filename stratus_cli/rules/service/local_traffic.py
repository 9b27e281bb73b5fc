"""SVC305 local-traffic: a Service answers only on its pods' nodes, and callers are elsewhere.

Why it hurts: kube-proxy drops what a node sends to a Service with internalTrafficPolicy Local and
no endpoint on that node, though pods of it are ready on others.

How we tell: the policy is Local, and a workload that calls the Service has a live pod on a node
where no endpoint of it is ready.

Not this when: every node that a caller runs on has an endpoint (an agent on each node); nobody is
known to call it; the Service has no ready endpoint at all (SVC301 says so).

First look: `kubectl get endpointslices -l kubernetes.io/service-name=NAME -o wide` beside the
callers' nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.local_traffic import FIELD, stranded_callers
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "SVC305",
    "local-traffic",
    Severity.DEGRADED,
    needs=("Service", "EndpointSlice", "Pod", "Deployment", "ReplicaSet", "StatefulSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Service."""
    services = [
        item for item in graph.snap.of(Service) if item.spec.internal_traffic_policy == "Local"
    ]
    calls = graph.calls if services else None
    for service in sorted(services, key=lambda item: (item.metadata.namespace, item.metadata.name)):
        assert calls is not None  # there are services
        pods = stranded_callers(graph, calls, service)
        if not pods:
            continue
        nodes = ", ".join(sorted({pod.spec.node_name for pod in pods}))
        yield META.finding(
            ref_of(service),
            f"internalTrafficPolicy is Local and no endpoint is on {nodes}, where it is called",
            evidence=(
                field_evidence(service, FIELD),
                *(
                    field_evidence(item, f"endpoints[{index}].nodeName")
                    for item in graph.slices_of(service)
                    for index in range(len(item.endpoints or ()))
                ),
                field_evidence(pods[0], "spec.nodeName"),
            ),
        )
