"""SVC302 target-port-unserved: a Service sends its traffic to a port that no container serves.

Why it hurts: endpoints look healthy and every connection is refused.

How we tell: the target port is a name that no selected container has; or it is a number that none
declares or probes, while each of the containers says what it serves. A number is an outage only
with something beside it: the Service was changed after it was made, or no Service at all targets
what the pods do declare, or telemetry measures errors.

Not this when: a container declares no ports and has no probe (it may serve anything); the Service
has no ready pods (SVC301); the port is one that the pods serve without declaring it, such as a
metrics port beside a declared one (a risk at most).

First look: `kubectl get service NAME -o yaml` beside `containerPort` in the pods.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_live
from stratus_cli.kube.ports import (
    is_named_port_missing,
    is_number_unserved,
    other_protocol,
    port_path,
    served_ports,
    target_of,
)
from stratus_cli.model.finding import Confidence, Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_network import Service, ServicePort
from stratus_cli.model.objects_pod import Pod, PodSpec
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("SVC302", "target-port-unserved", Severity.OUTAGE, needs=("Service", "Pod"))

MOSTLY_ERRORS = 0.5  # our choice: a port that nobody serves fails every request


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Service."""
    for service in sorted(
        graph.snap.of(Service), key=lambda item: (item.metadata.namespace, item.metadata.name)
    ):
        pods = sorted(
            (pod for pod in graph.selected_pods(service) if is_live(pod)),
            key=lambda pod: pod.metadata.name,
        )
        specs = [pod.spec for pod in pods]
        named = [port for port in service.spec.ports if is_named_port_missing(port, specs)]
        numbers = [port for port in service.spec.ports if is_number_unserved(port, specs)]
        if not pods or not (named or numbers):
            continue
        sure = bool(named) or _is_corroborated(graph, service, numbers, specs)
        ports = ", ".join(f"{port.port} to {target_of(port)}" for port in (*named, *numbers))
        yield META.finding(
            ref_of(service),
            f"port {ports}: no container behind it serves that",
            severity=Severity.OUTAGE if sure else Severity.RISK,
            confidence=Confidence.HIGH if named else Confidence(int(sure)),
            evidence=tuple(_evidence(service, (*named, *numbers), pods[0])),
        )


def _is_corroborated(
    graph: Graph, service: Service, ports: list[ServicePort], specs: list[PodSpec]
) -> bool:
    changes = [last_change(service, port_path(port)) for port in ports]
    if any(change is not None and not change.at_creation for change in changes):
        return True
    if any(
        traffic.ref == ref_of(service) and (traffic.error_rate or 0) >= MOSTLY_ERRORS
        for traffic in graph.snap.signals.traffic
    ):
        return True
    if any(other_protocol(service, port, specs) for port in ports):
        return True
    return not _are_pods_targeted(graph, service, specs)


def _are_pods_targeted(graph: Graph, service: Service, specs: list[PodSpec]) -> bool:
    """Some Service of the namespace targets a port that these pods say they serve."""
    served = {
        value for spec in specs for port in served_ports(spec) for value in (port.number, port.name)
    }
    return any(
        target_of(port) in served
        for other in graph.services_in(service.metadata.namespace)
        if any(pod.spec in specs for pod in graph.selected_pods(other))
        for port in other.spec.ports
    )


def _evidence(service: Service, ports: tuple[ServicePort, ...], pod: Pod) -> Iterator[Evidence]:
    for port in ports:
        yield field_evidence(service, port_path(port))
    for container in pod.spec.containers:
        yield field_evidence(pod, f"spec.containers[name={container.name}].ports")
