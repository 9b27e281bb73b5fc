"""SVC301 no-endpoints: a Service has no endpoint that gets traffic.

Why it hurts: every connection to it is refused.

How we tell: none of its EndpointSlices has a ready endpoint. Either the selector matches neither
pod nor workload, or it matches and no pod is ready.

Not this when: it has no selector (its endpoints are managed elsewhere) or is an ExternalName; all
its pods are within their start-up allowance; its workloads are parked at zero and nobody asks for
them. A selector that matches nothing, with nobody who asks for the Service and no workload that
nearly matches, is a left-over: a risk, not an outage.

First look: `kubectl get endpointslices -l kubernetes.io/service-name=NAME` and
`kubectl get pods -l SELECTOR`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.demand import demand, service_demand
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.near import nearest_workloads
from stratus_cli.kube.pods import is_live, is_ready, is_starting
from stratus_cli.kube.workloads import short_of, still_coming, wanted
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "SVC301",
    "no-endpoints",
    Severity.OUTAGE,
    needs=("Service", "EndpointSlice", "Pod", "Deployment", "ReplicaSet", "StatefulSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Service."""
    services = sorted(
        graph.snap.of(Service), key=lambda item: (item.metadata.namespace, item.metadata.name)
    )
    for service in services:
        if not service.spec.selector or service.spec.type == "ExternalName":
            continue
        if service.metadata.deletion_timestamp is None and not graph.ready_endpoints_of(service):
            yield from _judge(graph, service)


def _judge(graph: Graph, service: Service) -> Iterator[Finding]:
    pods = [pod for pod in graph.selected_pods(service) if is_live(pod)]
    workloads = graph.selected_workloads(service)
    severity = Severity.OUTAGE
    if pods:
        if any(is_starting(graph, pod) or is_ready(pod) for pod in pods):
            return  # ready pods without endpoints: the endpoint controller is about to follow
        why = f"none of the {len(pods)} pods it selects is ready"
    elif workloads:
        parked = all(
            wanted(item) == 0 and not any(reason.strong for reason in demand(graph, item))
            for item in workloads
        )
        if parked or any(still_coming(graph, item) for item in workloads):
            return
        if not any(wanted(item) == 0 or short_of(graph, item) for item in workloads):
            return
        names = ", ".join(sorted(f"{item.KIND} {item.metadata.name}" for item in workloads))
        why = f"{names} that it selects has no pods"
    else:
        why = "its selector matches no pod and no workload"
        if not service_demand(graph, service) and not nearest_workloads(graph, service):
            severity = Severity.RISK
    yield META.finding(
        ref_of(service),
        f"no ready endpoints: {why}",
        severity=severity,
        evidence=(
            field_evidence(service, "spec.selector"),
            *(
                field_evidence(
                    item, "endpoints[0].conditions.ready" if item.endpoints else "endpoints"
                )
                for item in sorted(graph.slices_of(service), key=lambda item: item.metadata.name)
            ),
        ),
    )
