"""Reading one field, by the text form of its path, from a decoded Struct or from raw JSON.

Read only. A Struct field that is missing in the JSON decodes to an empty value, so empty text,
lists, maps and null all read as ABSENT: for what a person would type they are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from stratus_cli.kube.document import value_in
from stratus_cli.model.change import ABSENT, Json


@dataclass(frozen=True)
class Inside:
    """A field inside a text that is a JSON or YAML document: `data["app.json"]#/db/port`."""

    pointer: str


Segment = str | int | Mapping[str, str] | Inside
"""A key, a position in a list, the keys that tell an element of a list, or the last: Inside."""

_TOKEN = re.compile(
    r"""\.?(?P<name>[A-Za-z_$][\w$-]*)        # .spec
      |\["(?P<quoted>(?:[^"\\]|\\.)*)"\]      # ["a.b/c"]
      |\[(?P<index>\d+)\]                     # [0]
      |\[(?P<keys>[\w-]+=[^\]]*)\]            # [port=80,protocol=TCP]
      |\#(?P<inside>/.*)                       # #/db/port
    """,
    re.VERBOSE | re.DOTALL,
)


def segments(path: str) -> tuple[Segment, ...]:
    """The path in parts. ValueError when it is not a path."""
    found: list[Segment] = []
    position = 0
    while position < len(path):
        match = _TOKEN.match(path, position)
        if match is None:
            raise ValueError(f"not a field path: {path!r} at {position}")
        position = match.end()
        if match["name"] is not None:
            found.append(match["name"])
        elif match["quoted"] is not None:
            found.append(json.loads(f'"{match["quoted"]}"'))
        elif match["index"] is not None:
            found.append(int(match["index"]))
        elif match["inside"] is not None:
            found.append(Inside(match["inside"]))
        else:
            pairs = (pair.partition("=") for pair in match["keys"].split(","))
            found.append({key: value for key, _, value in pairs})
    return tuple(found)


def read(item: Any, path: str) -> Json:  # noqa: ANN401  # a Struct or JSON of any kind
    """The value as plain JSON, or ABSENT. Never raises on strange data.

    A name with `]` in it, which no API server takes, makes a path that leads nowhere.
    """
    try:
        parts = segments(path)
    except ValueError:
        return ABSENT
    node = item
    for segment in parts:
        node = _step(node, segment)
        if node is ABSENT:
            return ABSENT
    if _is_empty(node):
        return ABSENT
    return plain(node)


def as_text(value: Json) -> str:
    """One line for evidence: text as it is, anything else as compact JSON."""
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def quoted(key: str) -> str:
    """A map key as a path segment, for keys that are not plain names."""
    return f"[{json.dumps(key)}]"


def _step(node: Any, segment: Segment) -> Any:  # noqa: ANN401  # see read
    if isinstance(segment, str):
        if isinstance(node, Mapping):
            return node.get(segment, ABSENT)
        if isinstance(node, msgspec.Struct):
            names = dict(zip(node.__struct_encode_fields__, node.__struct_fields__, strict=True))
            return getattr(node, names[segment]) if segment in names else ABSENT
        return ABSENT
    if isinstance(segment, Inside):
        return value_in(node, segment.pointer)
    if not isinstance(node, Sequence) or isinstance(node, str):
        return ABSENT
    if isinstance(segment, int):
        return node[segment] if segment < len(node) else ABSENT
    return next((element for element in node if _has_keys(element, segment)), ABSENT)


def _has_keys(element: Any, keys: Mapping[str, str]) -> bool:  # noqa: ANN401  # see read
    return all(str(_step(element, key)) == value for key, value in keys.items())


def plain(node: Any) -> Json:  # noqa: ANN401  # see read
    """JSON without the fields that decoding filled in."""
    if isinstance(node, msgspec.Struct):
        fields = zip(node.__struct_encode_fields__, node.__struct_fields__, strict=True)
        values = ((name, getattr(node, attribute)) for name, attribute in fields)
        return {name: plain(value) for name, value in values if not _is_default(node, name, value)}
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [plain(element) for element in node]
    if isinstance(node, msgspec.Raw):
        return msgspec.json.decode(node)
    return node if isinstance(node, str | int | float) else msgspec.to_builtins(node)


def _is_default(node: msgspec.Struct, name: str, value: Any) -> bool:  # noqa: ANN401  # see read
    default = _fields_of(type(node))[name]
    if default.default is not msgspec.NODEFAULT:
        return bool(value == default.default)
    return _is_empty(value) and default.default_factory is not msgspec.NODEFAULT


@cache
def _fields_of(kind: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """By their name in JSON. msgspec reads annotations anew each time it is asked."""
    return {item.encode_name: item for item in msgspec.structs.fields(kind)}


def _is_empty(node: Any) -> bool:  # noqa: ANN401  # see read
    return node is None or (isinstance(node, str | Mapping | Sequence) and len(node) == 0)
