"""Whether the shop is well: the tests' own judgement, from raw objects, not Stratus'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.cluster.objects import PORT

Item = dict[str, Any]
Items = Callable[[str], list[Item]]
"""Gives every object of a kind in the shop's namespace."""


def unwell(items: Items) -> list[str]:
    """What is not as it should be. [] when all is well.

    Each Deployment wants at least one pod and has exactly those, current and available, and each
    Service has exactly the addresses of the ready pods it selects, one at least.
    """
    return [*_deployments(items("Deployment")), *_services(items)]


def _deployments(deployments: list[Item]) -> list[str]:
    found = []
    for item in deployments:
        status, wanted = item.get("status") or {}, item["spec"]["replicas"]
        current = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
        counts = {status.get(f"{key}eplicas", 0) for key in ("r", "updatedR", "availableR")}
        if not current or counts != {wanted} or not wanted:
            found.append(f"Deployment/{item['metadata']['name']} wants {wanted}: {status}")
    return found


def _services(items: Items) -> list[str]:
    served: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for item in items("EndpointSlice"):
        name = item["metadata"]["labels"].get("kubernetes.io/service-name", "")
        for endpoint in item.get("endpoints") or ():
            if endpoint["conditions"].get("ready"):
                ports = [port["port"] for port in item.get("ports") or ()]
                served[name] |= {(addr, port) for addr in endpoint["addresses"] for port in ports}
    pods = [item for item in items("Pod") if _is_ready(item)]
    found = []
    for service in items("Service"):
        name, selector = service["metadata"]["name"], service["spec"]["selector"].items()
        meant = {
            (pod["status"]["podIP"], PORT)
            for pod in pods
            if selector <= (pod["metadata"].get("labels") or {}).items()
        }
        if not meant or served[name] != meant:
            found.append(f"Service/{name}: endpoints {sorted(served[name])} of {sorted(meant)}")
    return found


def _is_ready(pod: Item) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod["status"].get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
