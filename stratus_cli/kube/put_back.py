"""Fields as they were, as a JSON patch (RFC 6902) that fits the object as it is now.

Field by field, so that the rest of the object stays. Positions in lists are those of the JSON that
was read; each is guarded by a `test` of the element's name, so that a list that moved since
refuses the patch instead of changing the wrong element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_cli.kube.fields import Segment, segments
from stratus_cli.kube.merge import json_patch
from stratus_cli.model.change import ABSENT, Json

_NAME = "name"


def put_back(raw: Mapping[str, Any], values: Mapping[str, Json]) -> list[dict[str, Any]]:
    """Operations that give each field path of an object's JSON this value; None removes it.

    [] when a path leads through a list element that is not there: half of it is worse than nothing.
    """
    operations: list[dict[str, Any]] = []
    made: Json = raw
    try:
        for path, value in values.items():
            # On what the earlier ones leave: two fields may need the same parent.
            found = _operations(made, segments(path), None if value is ABSENT else value)
            made = json_patch(made, found)
            operations.extend(item for item in found if item not in operations)
    except ValueError:
        return []
    return operations


def _operations(raw: Json, path: tuple[Segment, ...], value: Json) -> list[dict[str, Any]]:
    guards: list[dict[str, Any]] = []
    pointer, node = "", raw
    for place, segment in enumerate(path):
        rest = path[place + 1 :]
        if isinstance(segment, Mapping):
            index = _index(node, segment)
            if index is None:
                if rest or value is None:
                    raise ValueError(f"no element {dict(segment)} at {pointer or '/'}")
                return [*guards, {"op": "add", "path": f"{pointer}/-", "value": value}]
            pointer, node = f"{pointer}/{index}", node[index]
            if _NAME in segment:
                guards.append({"op": "test", "path": f"{pointer}/{_NAME}", "value": segment[_NAME]})
            continue
        below = _child(node, segment)
        pointer = f"{pointer}/{_escaped(segment)}"
        if below is ABSENT:
            add = {"op": "add", "path": pointer, "value": _nested(rest, value)}
            return [] if value is None else [*guards, add]
        node = below
    if value is None:
        return [*guards, {"op": "remove", "path": pointer}]
    return [*guards, {"op": "replace", "path": pointer, "value": value}]


def _nested(rest: tuple[Segment, ...], value: Json) -> Json:
    """The value below parents that are not there yet."""
    for segment in reversed(rest):
        if isinstance(segment, str):
            value = {segment: value}
        elif isinstance(segment, Mapping) and isinstance(value, dict):
            value = [{**segment, **value}]  # the keys that tell the element are part of it
        else:
            value = [value]
    return value


def _child(node: Json, segment: Segment) -> Json:
    if isinstance(segment, int) and isinstance(node, list):
        return node[segment] if segment < len(node) else ABSENT
    if isinstance(segment, str) and isinstance(node, Mapping):
        return node.get(segment, ABSENT)
    return ABSENT


def _index(node: Json, keys: Mapping[str, str]) -> int | None:
    for index, element in enumerate(node if isinstance(node, list) else ()):
        if isinstance(element, Mapping) and all(
            str(element.get(key)) == value for key, value in keys.items()
        ):
            return index
    return None


def _escaped(segment: Segment) -> str:
    """RFC 6901, section 3."""
    return str(segment).replace("~", "~0").replace("/", "~1")
