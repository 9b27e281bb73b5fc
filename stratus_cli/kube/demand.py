"""Whether anybody wants a workload or Service to serve: who calls it, what routes to it.

A Service by itself is weak evidence: it stays when its workload is parked on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratus_cli.kube.changes import FieldChange, last_change
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph, controller_reference
from stratus_cli.kube.pods import age_s
from stratus_cli.kube.selectors import matches_map
from stratus_cli.kube.workloads import holders
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects import Event
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Deployment, Workload

PARKED_AFTER_S = 24 * 3600.0
"""At zero for longer, without anyone who asks for it, a workload is parked (DESIGN.md, Health)."""

DNS_PORT = 53

# What scales to zero on purpose and wakes its workloads up again.
SCALERS = re.compile(r"keda|knative|sablier|kube-downscaler|kube-green", re.IGNORECASE)
SCALED_DOWN = re.compile(r"^Scaled down replica set (\S+) from (\d+) to 0$")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is wanted. strong: enough to call its absence an outage."""

    text: str
    evidence: Evidence
    strong: bool = True


def demand(graph: Graph, workload: Workload) -> tuple[Reason, ...]:
    """Who wants this workload's pods, strongest first. () when nothing says that anybody does."""
    if controller_reference(workload) is not None:
        return ()  # an operator decides how many it has
    found = list(_scaled_down(graph, workload))
    scaler = graph.autoscaler_of(workload)
    if scaler is not None and scaler.spec.min_replicas > 0:
        text = f"HorizontalPodAutoscaler {scaler.metadata.name} wants at least one"
        found.append(Reason(text, field_evidence(scaler, "spec.minReplicas")))
    for service in sorted(graph.services_of(workload), key=lambda item: item.metadata.name):
        found.extend(service_demand(graph, service))
        text = f"Service {service.metadata.name} selects it"
        found.append(Reason(text, field_evidence(service, "spec.selector"), strong=False))
    return tuple(sorted(found, key=lambda reason: not reason.strong))


def service_demand(graph: Graph, service: Service) -> tuple[Reason, ...]:
    """Ingresses that route to a Service and workloads whose settings name it."""
    name = service.metadata.name
    found = [
        Reason(f"Ingress {ingress.metadata.name} routes to {name}", field_evidence(ingress, "spec"))
        for ingress in sorted(graph.ingresses_to(service), key=lambda item: item.metadata.name)
    ]
    if service.metadata.namespace == "kube-system" and any(
        port.port == DNS_PORT for port in service.spec.ports
    ):
        ports = field_evidence(service, "spec.ports")
        found.append(Reason("every pod of the cluster looks names up there", ports))
    for caller, path in callers(graph, service):
        text = f"{caller.KIND} {caller.metadata.name} calls {name}"
        found.append(Reason(text, field_evidence(caller, path)))
    return tuple(found)


def callers(graph: Graph, service: Service) -> Iterator[tuple[Workload, str]]:
    """(workload of the same namespace, field path) for each one that has the Service's address."""
    name = re.escape(service.metadata.name)
    # An address: a URL's host, or name:port, or name.namespace, or the name alone.
    address = re.compile(rf"(?:^|//|[\s,;@=]){name}(?:[:/.][\w.:/-]*)?(?=$|[\s,;])")
    here = graph.workloads_in(service.metadata.namespace)
    for workload in sorted(here, key=lambda item: (item.KIND, item.metadata.name)):
        own = matches_map(service.spec.selector, workload.spec.template.metadata.labels)
        if own or workload.spec.replicas == 0:
            continue
        for container in workload.spec.template.spec.containers:
            hit = next((item.name for item in container.env if address.search(item.value)), None)
            if hit is not None:
                prefix = f"spec.template.spec.containers[name={container.name}]"
                yield workload, f"{prefix}.env[name={hit}].value"
                break


def scaled_down_event(graph: Graph, workload: Workload) -> tuple[Event, int] | None:
    """The event that says how many pods its present ReplicaSet had before zero."""
    if not isinstance(workload, Deployment):
        return None
    current = {holder.metadata.name for holder in holders(graph, workload)}
    found = [
        (event, int(match.group(2)))
        for event in graph.events_of(workload)
        if event.reason == "ScalingReplicaSet" and (match := SCALED_DOWN.match(event.message))
        if match.group(1) in current  # older ReplicaSets go to zero in every rollout
    ]
    return max(found, key=lambda item: (str(item[0].last_seen), item[1]), default=None)


def scaled_at(graph: Graph, workload: Workload) -> datetime | None:
    """When it was brought to zero, if anything says so; not when it was created so."""
    found = scaled_down_event(graph, workload)
    if found is not None:
        return found[0].last_seen
    change = last_change(workload, "spec.replicas")
    return change.at if change is not None and not change.at_creation else None


def _scaled_down(graph: Graph, workload: Workload) -> Iterator[Reason]:
    change: FieldChange | None = last_change(workload, "spec.replicas")
    if change is not None and SCALERS.search(change.manager):
        return
    at = scaled_at(graph, workload)
    if at is None or age_s(graph, at) > PARKED_AFTER_S:
        return
    found = scaled_down_event(graph, workload)
    ago = timedelta(seconds=int(age_s(graph, at)))
    yield Reason(
        f"it was scaled down {ago} ago",
        event_evidence(workload, found[0]) if found else field_evidence(workload, "spec.replicas"),
    )
