"""What is compared between two clusters, or two moments: facts without names, addresses, times.

A facet is a text such as "condition Pod/cart Ready=False ContainersNotReady". Pods and ReplicaSets
go by the name of what made them.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.pods import is_ready
from stratus_cli.model.objects_network import EndpointSlice
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Deployment
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot

# Whether an image has to be pulled depends on what ran on the node before.
CACHE = {"Pulling"}


def observed(snap: Snapshot) -> frozenset[str]:
    """Conditions, event reasons and endpoints."""
    return frozenset([*_conditions(snap), *_events(snap), *_endpoints(snap)])


def _conditions(snap: Snapshot) -> Iterator[str]:
    held = [(item.KIND, item.metadata.name, item.status.conditions) for item in snap.of(Pod)]
    held += [
        (item.KIND, item.metadata.name, item.status.conditions) for item in snap.of(Deployment)
    ]
    for kind, name, conditions in held:
        for one in conditions:
            text = f"condition {_plain(kind, name)} {one.type}={one.status} {one.reason}"
            yield text.rstrip()


def _events(snap: Snapshot) -> Iterator[str]:
    failing = {pod.metadata.name for pod in snap.of(Pod) if not is_ready(pod)}
    for event in snap.events:
        about = event.involved_object
        # kubelet probes first at a random moment of the period (pkg/kubelet/prober, worker.run):
        # whether that is before the program listens is chance, and tells of no pod that got ready.
        is_chance = event.reason == "Unhealthy" and about.name not in failing
        if event.reason not in CACHE and not is_chance:
            yield f"event {_plain(about.kind, about.name)} {event.reason}"


def _endpoints(snap: Snapshot) -> Iterator[str]:
    for item in snap.of(EndpointSlice):
        service = item.metadata.labels.get("kubernetes.io/service-name", "")
        endpoints = item.endpoints or ()
        ready = sum(bool(endpoint.conditions.ready) for endpoint in endpoints)
        ports = sorted(f"{port.name}:{port.port}" for port in item.ports or ())
        yield f"endpoints {service} {ready} of {len(endpoints)} ready on {ports}"


def _plain(kind: str, name: str) -> str:
    """ "Kind/name" without the random parts of a Deployment's children."""
    parts = {"Pod": 2, "ReplicaSet": 1}.get(kind, 0)
    return Ref(kind, "", name.rsplit("-", parts)[0]).short
