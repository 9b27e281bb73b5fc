"""The arithmetic of rollouts (pkg/controller/deployment/util). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from stratus_cli.cluster.twin.store import Item

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


def replicas(item: Item) -> int:
    """spec.replicas."""
    return int(item["spec"]["replicas"])


def total(sets: Iterable[Item]) -> int:
    """Sum of spec.replicas."""
    return sum(replicas(item) for item in sets)


def status_total(sets: Iterable[Item], field: str) -> int:
    """Sum of one status number."""
    return sum(int((item.get("status") or {}).get(field, 0)) for item in sets)


def scaled(value: int | str, number: int, *, up: bool) -> int:
    """An IntOrString of a total."""
    if isinstance(value, int):
        return value
    text = value.rstrip("%")
    share = (int(text) if text.isdigit() else 0) * number / 100
    return math.ceil(share) if up else math.floor(share)


def fenceposts(deployment: Item) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers; not both zero."""
    strategy = deployment["spec"]["strategy"]
    if strategy["type"] != "RollingUpdate" or replicas(deployment) == 0:
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    number = replicas(deployment)
    surge = scaled(rolling.get("maxSurge", 0), number, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 0), number, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, number)


def max_unavailable(deployment: Item) -> int:
    """How many pods may be missing."""
    return fenceposts(deployment)[1]


def max_surge(deployment: Item) -> int:
    """How many pods there may be above the wanted number."""
    return fenceposts(deployment)[0]


def new_size(deployment: Item, sets: Sequence[Item], new: Item) -> int:
    """How many replicas the new ReplicaSet should have now."""
    wanted = replicas(deployment)
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        return wanted
    room = wanted + max_surge(deployment) - total(sets)
    if room <= 0:
        return replicas(new)
    return replicas(new) + min(room, wanted - replicas(new))


def shares(deployment: Item, sets: Sequence[Item]) -> dict[str, int]:
    """Sizes by name when a rollout is scaled in the middle: each in proportion."""
    wanted = replicas(deployment)
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    to_add = allowed - total(sets)
    newest_first = to_add > 0
    ordered = sorted(
        sets,
        key=lambda item: item["metadata"]["creationTimestamp"],
        reverse=newest_first,
    )
    ordered = sorted(ordered, key=replicas, reverse=True)
    sizes: dict[str, int] = {}
    added = 0
    for item in ordered:
        part = _share(deployment, item, to_add, added)
        sizes[item["metadata"]["name"]] = replicas(item) + part
        added += part
    if ordered and to_add:
        name = ordered[0]["metadata"]["name"]
        sizes[name] = max(0, sizes[name] + to_add - added)
    return sizes


def _share(deployment: Item, item: Item, to_add: int, added: int) -> int:
    if replicas(item) == 0 or to_add in (0, added):
        return 0
    part = _fraction(deployment, item)
    return min(part, to_add - added) if to_add > 0 else max(part, to_add - added)


def _fraction(deployment: Item, item: Item) -> int:
    if replicas(deployment) == 0:
        return -replicas(item)
    text = (item["metadata"].get("annotations") or {}).get(MAXIMUM, "")
    before = int(text) if text.isdigit() else 0
    before = before or status_total([deployment], "replicas")
    if before == 0:
        return 0
    size = replicas(item) * (replicas(deployment) + max_surge(deployment)) / before
    return math.floor(size + 0.5) - replicas(item)
