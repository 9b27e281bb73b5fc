"""States: whole objects as they once were or were meant to be, each with its source and age.

A recording, the manifest of a Helm release, a folder of manifests: what all of them give is "this
object was so". Pure; who reads them is in flow and cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Key = tuple[str, str, str]
"""kind, namespace, name."""


@dataclass(frozen=True)
class State:
    """Objects of one source. source: as a person reads it; at: when it was so, where known.

    whole: the objects have the server's defaults. current: it is meant to be so now; an earlier
    one may hold objects that were given up on purpose.
    """

    source: str
    objects: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    at: datetime | None = None
    whole: bool = False
    current: bool = True

    def age_s(self, now: datetime) -> float | None:
        """Seconds from then to now."""
        return (now - self.at).total_seconds() if self.at is not None else None


@dataclass(frozen=True)
class Version:
    """One object as it once was. worked: something shows that it ran well like this.

    revision: number of the rollout revision, where it is one.
    """

    item: Mapping[str, Any] = field(repr=False)
    source: str = ""
    age_s: float | None = None
    whole: bool = False
    worked: bool = False
    revision: int | None = None


def with_age(source: str, age_s: float | None) -> str:
    """A source as a plan shows it: who said so, and how long ago."""
    if age_s is None or age_s < 0:
        return source
    for unit, seconds in (("days", 86400), ("hours", 3600), ("min", 60)):
        if age_s >= 2 * seconds:
            return f"{source}, {age_s / seconds:.0f} {unit} ago"
    return f"{source}, {age_s:.0f} s ago"


def keyed_objects(
    documents: Iterable[Mapping[str, Any]], namespace: str = ""
) -> dict[Key, Mapping[str, Any]]:
    """Manifests by kind, namespace and name. namespace: of those that name none.

    Lists give their items. What is no object is left out; so are Secrets, whose values are never
    kept. An object that is there twice is no statement, and is left out too.
    """
    found: dict[Key, Mapping[str, Any]] = {}
    twice: set[Key] = set()
    for document in documents:
        for item in _objects(document):
            key = _key(item, namespace)
            if key is None:
                continue
            if key in found and found[key] != with_protocols(item):
                twice.add(key)
            found[key] = with_protocols(item)
    return {key: item for key, item in found.items() if key not in twice}


def with_protocols(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ports with the protocol that is meant: it is part of the key by which they are told apart."""
    return {key: _with_protocols(value) for key, value in item.items()}


def _with_protocols(node: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(node, Mapping):
        made = {key: _with_protocols(value) for key, value in node.items()}
        if isinstance(made.get("ports"), list):
            made["ports"] = [
                {**port, "protocol": port.get("protocol") or "TCP"}
                if isinstance(port, Mapping) and ("port" in port or "containerPort" in port)
                else port
                for port in made["ports"]
            ]
        return made
    if isinstance(node, list):
        return [_with_protocols(value) for value in node]
    return node


def _objects(document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    kind = document.get("kind")
    items = document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        return [item for item in items if isinstance(item, Mapping)]
    return [document]


def _key(item: Mapping[str, Any], namespace: str) -> Key | None:
    kind, meta = item.get("kind"), item.get("metadata")
    if not isinstance(kind, str) or kind == "Secret" or not isinstance(meta, Mapping):
        return None
    name, own = meta.get("name"), meta.get("namespace")
    if not isinstance(name, str) or not name:
        return None
    return (kind, own if isinstance(own, str) and own else namespace, name)
