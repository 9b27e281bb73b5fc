"""Exact reading and writing of one field of raw JSON, by the text form of its path.

The counterpart of kube.fields, which reads empty values as absent: here null, "" and {} are values.
Nothing is changed in place.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from stratus_cli.kube.document import value_in, with_value_in
from stratus_cli.kube.fields import Inside, Segment, segments
from stratus_cli.kube.lists import NUMBERS
from stratus_cli.model.change import ABSENT, Json

_PLAIN = re.compile(r"[A-Za-z_$][\w$-]*")
_SAFE_KEY = re.compile(r"[^\],=\"]*")


def value_at(item: Json, path: str) -> Json:
    """The value as it stands, or ABSENT."""
    node = item
    for segment in segments(path):
        node = child(node, segment)
        if node is ABSENT:
            return ABSENT
    return node


def with_value(item: Mapping[str, Any], path: str, value: Json) -> dict[str, Any]:
    """A deep copy with the field set; ABSENT removes it. Missing parents are made.

    An element of a keyed list is found by its keys, and appended with them when it is missing.
    ValueError when a parent is of another shape than the path says.
    """
    made = copy.deepcopy(dict(item))
    set_at(made, segments(path), copy.deepcopy(value))
    return made


def set_at(node: Json, path: tuple[Segment, ...], value: Json) -> None:
    """Set or remove in place; for a copy that the caller owns."""
    if not path:
        raise ValueError("an empty path names no field")
    head, rest = path[0], path[1:]
    if not rest:
        _put(node, head, value)
        return
    below = child(node, head)
    if isinstance(rest[0], Inside):
        _put(node, head, _edited(below, rest[0], value))
        return
    if below is ABSENT or below is None:
        if value is ABSENT:
            return
        below = [] if not isinstance(rest[0], str) else {}
        if isinstance(head, Mapping):
            below = {name: _key(name, text) for name, text in head.items()}
        _put(node, head, below)
    set_at(below, rest, value)


def child(node: Json, segment: Segment) -> Json:
    """One step down, or ABSENT."""
    if isinstance(segment, str):
        return node.get(segment, ABSENT) if isinstance(node, Mapping) else ABSENT
    if isinstance(segment, Inside):
        return value_in(node, segment.pointer)
    if not isinstance(node, list):
        return ABSENT
    if isinstance(segment, int):
        return node[segment] if segment < len(node) else ABSENT
    return next((element for element in node if has_keys(element, segment)), ABSENT)


def has_keys(element: Json, keys: Mapping[str, str]) -> bool:
    """Whether a list element is the one these keys name. Values compare as text: 80 is "80"."""
    return isinstance(element, Mapping) and all(
        name in element and str(element[name]) == value for name, value in keys.items()
    )


def render_path(path: Iterable[Segment]) -> str:
    """The text form of a path; kube.fields.segments reads it back."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif isinstance(segment, Inside):
            text += f"#{segment.pointer}"
        elif isinstance(segment, Mapping):
            text += "[" + ",".join(f"{name}={value}" for name, value in segment.items()) + "]"
        elif _PLAIN.fullmatch(segment):
            text += f".{segment}" if text else segment
        else:
            text += f"[{json.dumps(segment)}]"
    return text


def may_be_key(value: Json) -> bool:
    """Whether a value can stand between brackets in a path without being misread."""
    return isinstance(value, str | int) and _SAFE_KEY.fullmatch(str(value)) is not None


def _key(name: str, text: str) -> str | int:
    """A list key as the API has it: a port is a number."""
    return int(text) if name in NUMBERS and text.isdecimal() else text


def _edited(text: Json, inside: Inside, value: Json) -> str:
    if not isinstance(text, str) or value is ABSENT:
        raise ValueError(f"{inside.pointer}: only a value inside a text is replaced in place")
    return with_value_in(text, inside.pointer, value)


def _put(node: Json, head: Segment, value: Json) -> None:
    if isinstance(head, str) and isinstance(node, dict):
        if value is ABSENT:
            node.pop(head, None)
        else:
            node[head] = value
        return
    if isinstance(head, str | Inside) or not isinstance(node, list):
        raise ValueError(f"the path does not fit the object at {head!r}")
    place = _place(node, head)
    if value is ABSENT:
        if place is not None:
            del node[place]
    elif place is None:
        node.append(value)
    else:
        node[place] = value


def _place(node: list[Any], head: int | Mapping[str, str]) -> int | None:
    if isinstance(head, int):
        return head if head < len(node) else None
    return next((index for index, item in enumerate(node) if has_keys(item, head)), None)
