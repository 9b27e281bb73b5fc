"""The room that PodDisruptionBudgets leave for evictions, by their status. Pure but for the reader.

The API server has the last word (registry/core/pod/rest/eviction.go); this says it beforehand, and
for several evictions together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratus_cli.actions.base import Item, Reader
from stratus_cli.kube.selectors import matches_raw
from stratus_cli.model.plan import Refusal

UNGUARDED = ("Pending", "Succeeded", "Failed")
"""Phases of pods that are evicted without asking a budget."""


def no_room(pods: Iterable[Item], read: Reader) -> Refusal | None:
    """The budget that forbids evicting all these pods now, or None."""
    taken: dict[tuple[str, str], int] = {}
    rooms: dict[tuple[str, str], int] = {}
    for pod in pods:
        meta, status = pod["metadata"], _part(pod, "status")
        if status.get("phase") in UNGUARDED:
            continue
        space, name = str(meta.get("namespace", "")), str(meta["name"])
        budgets = list(_budgets_of(pod, space, read))
        if len(budgets) > 1:
            names = " and ".join(str(budget["metadata"]["name"]) for budget in budgets)
            reason = f"{space}/Pod/{name} is in PodDisruptionBudgets {names}"
            return Refusal("budget", f"{reason}: the API server evicts no such pod")
        for budget in budgets:
            if _is_ready(status) or not _lets_unready_go(budget):
                key = (space, str(budget["metadata"]["name"]))
                taken[key] = taken.get(key, 0) + 1
                rooms[key] = _room(budget)
    for key, number in taken.items():
        if number > rooms[key]:
            return Refusal(
                "budget",
                f"PodDisruptionBudget {'/'.join(key)} allows {rooms[key]} evictions now, and this"
                f" needs {number}",
                "wait until its pods are ready, or add replicas first",
            )
    return None


def _budgets_of(pod: Item, space: str, read: Reader) -> Iterator[Item]:
    labels = pod["metadata"].get("labels") or {}
    for budget in read.list("PodDisruptionBudget", space):
        if matches_raw(_part(budget, "spec").get("selector"), labels):
            yield budget


def _room(budget: Item) -> int:
    status, generation = _part(budget, "status"), _number(budget.get("metadata"), "generation")
    if _number(status, "observedGeneration") < generation:
        return 0  # the server refuses until it has counted
    return max(0, _number(status, "disruptionsAllowed"))


def _lets_unready_go(budget: Item) -> bool:
    """unhealthyPodEvictionPolicy; without it IfHealthyBudget."""
    if _part(budget, "spec").get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = _part(budget, "status")
    return _number(status, "currentHealthy") >= _number(status, "desiredHealthy") > 0


def _is_ready(status: Item) -> bool:
    conditions = status.get("conditions")
    return any(
        isinstance(one, dict) and (one.get("type"), one.get("status")) == ("Ready", "True")
        for one in (conditions if isinstance(conditions, list) else ())
    )


def _part(item: Item, name: str) -> Item:
    part = item.get(name)
    return part if isinstance(part, dict) else {}


def _number(part: object, name: str) -> int:
    value = part.get(name) if isinstance(part, dict) else 0
    return value if isinstance(value, int) else 0
