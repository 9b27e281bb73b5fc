"""Condition lists of statuses: find, set, drop."""

from __future__ import annotations

from stratus_cli.cluster.twin.store import Item


def find(status: Item, kind: str) -> Item | None:
    """The condition of this type, or None."""
    for condition in status.get("conditions") or ():
        if condition["type"] == kind:
            found: Item = condition
            return found
    return None


def drop(status: Item, kind: str) -> None:
    """Take the condition of this type out."""
    if find(status, kind) is not None:
        status["conditions"] = [item for item in status["conditions"] if item["type"] != kind]


def assign(status: Item, condition: Item, *, keep_transition: bool = True) -> None:
    """Set a condition at its place. Its lastTransitionTime stays while its status does."""
    conditions = status.setdefault("conditions", [])
    for index, old in enumerate(conditions):
        if old["type"] == condition["type"]:
            if keep_transition and old["status"] == condition["status"]:
                condition["lastTransitionTime"] = old["lastTransitionTime"]
            conditions[index] = condition
            return
    conditions.append(condition)
