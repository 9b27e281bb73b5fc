"""Whether the root causes named are the ones to name: same object, same place in it. Pure.

Two paths are the same place when they lead to it in the live object, whatever keys name a list
element; what lies below the wanted place is right as well.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.drill.fault import Fault, Place
from stratus_cli.kube.fields import Inside, segments
from stratus_cli.kube.paths import has_keys

COUNTED = ("outage", "degraded")
"""Severities of incidents whose roots must be right; hygiene beside them is no wrong answer."""


@dataclass(frozen=True)
class Named:
    """missing: wanted and not named; extra: named and neither wanted nor accepted."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    first: bool
    """Whether the first root of the first incident is one of the wanted."""

    @property
    def exact(self) -> bool:
        """All of them and nothing else."""
        return not self.missing and not self.extra


def named(report: Mapping[str, Any], fault: Fault, objects: Mapping[str, Any], ns: str) -> Named:
    """What a report's incidents name.

    objects: raw, by "namespace/Kind/name", as the fault left them. ns: the app's namespace.
    """
    roots = [
        (str(root["ref"]), str(root["field"]))
        for incident in report.get("incidents", ())
        if incident["severity"] in COUNTED
        for root in incident["roots"]
    ]
    wanted = [_choices(place, ns) for place in fault.root]
    also = [_choices(place, ns) for place in fault.also]
    missing = [
        choices[0]
        for choices in wanted
        if not any(_is_one(root, choices, objects) for root in roots)
    ]
    extra = [
        root
        for root in roots
        if not any(_is_one(root, choices, objects) for choices in (*wanted, *also))
    ]
    first = bool(roots) and any(_is_one(roots[0], choices, objects) for choices in wanted)
    return Named(
        tuple(" ".join(place).strip() for place in missing),
        tuple(" ".join(root).strip() for root in dict.fromkeys(extra)),
        first,
    )


def same_place(item: Any, named_path: str, wanted_path: str) -> bool:  # noqa: ANN401  # JSON
    """Whether the named path is the wanted place of an object, or lies below it."""
    try:
        found, wanted = _way(item, named_path), _way(item, wanted_path)
    except ValueError:
        return False
    return found[: len(wanted)] == wanted


def _choices(place: Place, ns: str) -> list[tuple[str, str]]:
    return [(_full(one.ref, ns), one.field) for one in (place, *place.or_)]


def _is_one(
    root: tuple[str, str], choices: Iterable[tuple[str, str]], objects: Mapping[str, Any]
) -> bool:
    ref, field = root
    return any(
        fnmatch.fnmatchcase(ref, wanted_ref) and same_place(objects.get(ref), field, wanted)
        for wanted_ref, wanted in choices
    )


def _full(ref: str, ns: str) -> str:
    return ref if ref.count("/") == 2 else f"{ns}/{ref}"


def _way(item: Any, path: str) -> tuple[object, ...]:  # noqa: ANN401  # JSON
    """The path with each list element by its position, where the object has it."""
    node = item
    way: list[object] = []
    for segment in segments(path):
        step: object = segment
        if isinstance(segment, Inside):
            way.extend(("#", *segment.pointer.strip("/").split("/")))
            return tuple(way)
        if isinstance(segment, Mapping):
            elements = node if isinstance(node, list) else []
            at = next((i for i, one in enumerate(elements) if has_keys(one, segment)), None)
            step = tuple(sorted(segment.items())) if at is None else at
            node = None if at is None else elements[at]
        elif isinstance(segment, int):
            node = node[segment] if isinstance(node, list) and segment < len(node) else None
        else:
            node = node.get(segment) if isinstance(node, Mapping) else None
        way.append(step)
    return tuple(way)
