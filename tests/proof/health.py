"""Whether what runs is what is wished: the proof's own count, from raw objects."""

from __future__ import annotations

from collections.abc import Iterator

from tests.proof.edits import Item
from tests.proof.state import Items

COUNTS = {
    "Deployment": ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
    "StatefulSet": ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
    "DaemonSet": ("updatedNumberScheduled", "numberReady", "numberAvailable"),
}


def unready(items: Items) -> list[str]:
    """What is not as its spec says. A paused rollout is as it says."""
    found = [text for kind in COUNTS for item in items(kind) for text in _workload(item)]
    served, pods = serving(items), [item for item in items("Pod") if _is_ready(item)]
    for service in items("Service"):
        name, selector = service["metadata"]["name"], service["spec"].get("selector") or {}
        meant = [pod for pod in pods if selector.items() <= _labels(pod).items()]
        if selector and served[name] != len(meant):
            found.append(f"Service/{name} serves {served[name]} of {len(meant)}")
    return found


def serving(items: Items) -> dict[str, int]:
    """Ready addresses behind each Service."""
    counts = {item["metadata"]["name"]: 0 for item in items("Service")}
    for piece in items("EndpointSlice"):
        name = (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
        ready = [
            end
            for end in piece.get("endpoints") or ()
            if (end.get("conditions") or {}).get("ready")
        ]
        if name in counts:
            counts[name] += sum(len(end["addresses"]) for end in ready)
    return counts


def _workload(item: Item) -> Iterator[str]:
    kind, status = item["kind"], item.get("status") or {}
    if item["spec"].get("paused"):
        return
    name = f"{kind}/{item['metadata']['name']}"
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        yield f"{name} is not seen yet"
    wanted = (
        status.get("desiredNumberScheduled") or 1
        if kind == "DaemonSet"
        else item["spec"]["replicas"]
    )
    found = {key: status.get(key, 0) for key in COUNTS[kind]}
    if set(found.values()) != {wanted}:
        yield f"{name} wants {wanted}: {found}"


def _is_ready(pod: Item) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        item["type"] == "Ready" and item["status"] == "True" for item in conditions
    )


def _labels(item: Item) -> dict[str, str]:
    labels: dict[str, str] = item["metadata"].get("labels") or {}
    return labels
