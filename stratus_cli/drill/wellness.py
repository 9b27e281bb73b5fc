"""Whether an app is well: the drill's own judgement from raw objects, not Stratus'.

Pure. What is well is told by the state captured when it was: pods as many as then, and Services
whose endpoints are exactly the pods that they were meant for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from stratus_cli.drill.api import Item

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
Items = Callable[[str], list[Item]]
"""Gives every object of a kind in the app's namespace."""


@dataclass(frozen=True, repr=False)
class Well:
    """How it was when well: the raw objects of workloads, Services, autoscalers."""

    workloads: Mapping[str, Item]
    services: Mapping[str, Item]
    scaled: frozenset[str]
    """Workloads, as Kind/name, whose replicas an autoscaler decides."""

    @classmethod
    def of(cls, items: Items) -> Well:
        """Read it now."""
        scaled = {
            f"{ref['kind']}/{ref['name']}"
            for item in items("HorizontalPodAutoscaler")
            for ref in [item["spec"]["scaleTargetRef"]]
        }
        workloads = {
            f"{kind}/{item['metadata']['name']}": item for kind in WORKLOADS for item in items(kind)
        }
        services = {item["metadata"]["name"]: item for item in items("Service")}
        return cls(workloads, services, frozenset(scaled))

    def wanted(self, workload: str) -> int | None:
        """Pods that it had wanted; None where it is not for the spec to say."""
        item = self.workloads[workload]
        if workload.startswith("DaemonSet/"):
            return None
        wanted = item["spec"].get("replicas", 1)
        return None if workload in self.scaled and wanted else int(wanted)


def unwell(well: Well, items: Items) -> list[str]:
    """What is not as it should be. [] when all is well."""
    return [*_workloads(well, items), *_services(well, items)]


def is_ready(pod: Item) -> bool:
    """Ready, and not about to go."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def pods_of(workload: Item, pods: list[Item]) -> list[Item]:
    """The pods that a workload selects, those on their way out left aside."""
    labels = workload["spec"]["selector"].get("matchLabels") or {}
    return [
        pod
        for pod in pods
        if labels.items() <= (pod["metadata"].get("labels") or {}).items()
        and not pod["metadata"].get("deletionTimestamp")
    ]


def served(slices: list[Item]) -> dict[str, set[tuple[str, int]]]:
    """Ready (address, port) pairs by Service."""
    found: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for item in slices:
        name = (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
        for endpoint in item.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready"):
                ports = [port.get("port") for port in item.get("ports") or ()]
                found[name] |= {(addr, port) for addr in endpoint["addresses"] for port in ports}
    return found


def meant(service: Item, pods: list[Item]) -> set[tuple[str, int]]:
    """The (address, port) pairs that a Service, as it was when well, has with these pods."""
    selector = service["spec"].get("selector") or {}
    found = set()
    for pod in pods:
        if not is_ready(pod):
            continue
        if selector.items() <= (pod["metadata"].get("labels") or {}).items():
            for port in service["spec"].get("ports") or ():
                number = _number(port, pod)
                if number is not None:
                    found.add((pod["status"].get("podIP", ""), number))
    return found


def _workloads(well: Well, items: Items) -> Iterator[str]:
    pods = items("Pod")
    live = {
        f"{kind}/{item['metadata']['name']}": item for kind in WORKLOADS for item in items(kind)
    }
    for name in well.workloads:
        item = live.get(name)
        if item is None:
            yield f"{name} is gone"
            continue
        status = item.get("status") or {}
        wanted = well.wanted(name)
        if name.startswith("DaemonSet/"):
            wanted = int(status.get("desiredNumberScheduled", 0))
            counts = {status.get("numberReady", 0), status.get("updatedNumberScheduled", 0)}
        else:
            wanted = int(item["spec"].get("replicas", 1)) if wanted is None else wanted
            counts = {
                status.get("replicas", 0),
                status.get("readyReplicas", 0),
                status.get("updatedReplicas", 0),
            }
        current = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
        ready = [pod for pod in pods_of(item, pods) if is_ready(pod)]
        if not current or counts != {wanted} or (len(ready) < wanted):
            yield f"{name} wants {wanted} pods: {len(ready)} are ready, {sorted(counts)} reported"


def _services(well: Well, items: Items) -> Iterator[str]:
    pods, answers = items("Pod"), served(items("EndpointSlice"))
    live = {item["metadata"]["name"] for item in items("Service")}
    for name, service in well.services.items():
        if name not in live:
            yield f"Service/{name} is gone"
            continue
        if not service["spec"].get("selector"):
            continue
        wanted = meant(service, pods)
        if not wanted or answers[name] != wanted:
            yield f"Service/{name} has endpoints {sorted(answers[name])} of {sorted(wanted)}"


def _number(port: Item, pod: Item) -> int | None:
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers") or ():
        for declared in container.get("ports") or ():
            if declared.get("name") == target:
                return int(declared["containerPort"])
    return None
