"""Patches on raw JSON, as the API server applies them: strategic, merge (RFC 7386), JSON (6902)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from stratus_cli.kube.diff import same_value
from stratus_cli.kube.lists import PRIMITIVE_MERGE, merge_key
from stratus_cli.model.change import Json

DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_REMOVE = "$deleteFromPrimitiveList/"


def merge_patch(item: Json, patch: Json) -> Json:
    """RFC 7386: null removes, objects merge, all else replaces."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    made = dict(copy.deepcopy(item)) if isinstance(item, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merge_patch(made.get(key), value)
    return made


def strategic(item: Mapping[str, Any], patch: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A strategic merge patch. ValueError when the patch does not fit the object.

    As in the API, members of a union replace each other only by null or `$retainKeys`: a probe
    that gets httpGet keeps its tcpSocket, and the server refuses it.
    """
    made: dict[str, Any] = _map(kind, (), item, patch)
    return made


def json_patch(item: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """RFC 6902. ValueError for a failed test, a missing path or an unknown operation."""
    made: Json = copy.deepcopy(dict(item))
    for operation in operations:
        made = _operate(made, operation)
    if not isinstance(made, dict):
        raise ValueError("the patch leaves no object")
    return made


def _map(kind: str, names: tuple[str, ...], item: Json, patch: Mapping[str, Any]) -> Json:
    directive = patch.get(DIRECTIVE)
    rest = {key: value for key, value in patch.items() if key != DIRECTIVE}
    if directive == "replace":
        return copy.deepcopy(rest)
    if directive == "delete":
        return {}
    made = dict(copy.deepcopy(item)) if isinstance(item, Mapping) else {}
    if _RETAIN in rest:
        kept = rest.pop(_RETAIN)
        if not isinstance(kept, list):
            raise ValueError(f"{_RETAIN} is a list of names")
        made = {key: value for key, value in made.items() if key in kept}
    for key, value in rest.items():
        if key.startswith(_ORDER):
            continue
        if key.startswith(_REMOVE):
            _remove_primitives(made, key.removeprefix(_REMOVE), value)
        elif value is None:
            made.pop(key, None)
        else:
            made[key] = _value(kind, (*names, key), made.get(key), value)
    return made


def _remove_primitives(made: dict[str, Any], field: str, values: Json) -> None:
    present = made.get(field)
    if not isinstance(values, list) or not isinstance(present, list | None):
        raise ValueError(f"{_REMOVE}{field} is a list, for a list")
    if present is not None:
        made[field] = [part for part in present if part not in values]


def _value(kind: str, names: tuple[str, ...], old: Json, new: Json) -> Json:
    if isinstance(new, Mapping):
        return _map(kind, names, old, new)
    if isinstance(new, list):
        return _list(kind, names, old if isinstance(old, list) else [], new)
    return copy.deepcopy(new)


def _list(kind: str, names: tuple[str, ...], old: list[Any], new: list[Any]) -> list[Any]:
    key = merge_key(kind, names)
    if key is None:
        if names[-1] in PRIMITIVE_MERGE:
            return [*copy.deepcopy(old), *(part for part in new if part not in old)]
        return copy.deepcopy(new)
    if any(not isinstance(part, Mapping) for part in new):
        raise ValueError(f"an element of {'.'.join(names)} is not an object")
    if any(part.get(DIRECTIVE) == "replace" for part in new):
        return [copy.deepcopy(part) for part in new if part.get(DIRECTIVE) != "replace"]
    made: list[Any] = copy.deepcopy(old)
    for part in new:
        if key not in part:
            raise ValueError(f"an element of {'.'.join(names)} has no {key}")
        _merge_element(kind, names, made, part, key)
    return _ordered(made, _places(new, key), _places(old, key), key)


def _ordered(
    made: list[Any], patch: Mapping[str, int], before: Mapping[str, int], key: str
) -> list[Any]:
    """In the order of the API (strategicpatch.normalizeElementOrder).

    Elements of the patch keep its order; each other one stands before the first of them that it
    stood before already. So an element that is new comes first.
    """
    named = [part for part in made if _place(part, key) in patch]
    named.sort(key=lambda part: patch[_place(part, key)])
    others = [part for part in made if _place(part, key) not in patch]
    found: list[Any] = []
    for part in named:
        place = before.get(_place(part, key), -1)
        while others and before.get(_place(others[0], key), place) < place:
            found.append(others.pop(0))
        found.append(part)
    return found + others


def _places(elements: Sequence[Any], key: str) -> dict[str, int]:
    """Where each element stands, the first of a name."""
    found: dict[str, int] = {}
    for index, part in enumerate(elements):
        found.setdefault(_place(part, key), index)
    return found


def _place(part: Any, key: str) -> str:  # noqa: ANN401  # JSON
    return str(part.get(key)) if isinstance(part, Mapping) else ""


def _merge_element(
    kind: str, names: tuple[str, ...], made: list[Any], part: Mapping[str, Any], key: str
) -> None:
    # The first match only, as the API server does: with a name twice, the second stays effective.
    place = next(
        (
            index
            for index, element in enumerate(made)
            if isinstance(element, Mapping) and str(element.get(key)) == str(part[key])
        ),
        None,
    )
    if part.get(DIRECTIVE) == "delete":
        if place is not None:
            del made[place]
        return
    if place is None:
        made.append(_map(kind, names, {}, part))
        return
    merged = _map(kind, names, made[place], part)
    # 80 in a patch may have been written "80" by a template; the key keeps its type.
    merged[key] = made[place][key]
    made[place] = merged


def _operate(document: Json, operation: Mapping[str, Any]) -> Json:
    name, pointer = operation.get("op"), operation.get("path")
    if not isinstance(pointer, str):
        raise ValueError("a JSON patch operation needs a path")
    match name:
        case "test":
            if not same_value(_find(document, pointer), operation.get("value")):
                raise ValueError(f"the test of {pointer} failed")
            return document
        case "add" | "replace":
            if "value" not in operation:
                raise ValueError(f"{name} {pointer} needs a value")
            if name == "replace":
                _find(document, pointer)
            return _set(document, pointer, copy.deepcopy(operation["value"]), insert=name == "add")
        case "remove":
            _find(document, pointer)
            return _remove(document, pointer)
        case "move" | "copy":
            source = operation.get("from")
            if not isinstance(source, str):
                raise ValueError(f"{name} needs from")
            value = copy.deepcopy(_find(document, source))
            left = _remove(document, source) if name == "move" else document
            return _set(left, pointer, value, insert=True)
    raise ValueError(f"unknown JSON patch operation {name!r}")


def _parts(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"not a JSON pointer: {pointer!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _find(document: Json, pointer: str) -> Json:
    node = document
    for part in _parts(pointer):
        if isinstance(node, Mapping) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            raise ValueError(f"there is nothing at {pointer}")
    return node


def _set(document: Json, pointer: str, value: Json, *, insert: bool) -> Json:
    parts = _parts(pointer)
    if not parts:
        return value
    parent, last = _find(document, pointer.rpartition("/")[0]), parts[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and (
        last == "-" or (last.isdigit() and int(last) <= len(parent))
    ):
        place = len(parent) if last == "-" else int(last)
        if insert:
            parent.insert(place, value)
        else:
            parent[place] = value
    else:
        raise ValueError(f"nothing can be put at {pointer}")
    return document


def _remove(document: Json, pointer: str) -> Json:
    parts = _parts(pointer)
    if not parts:
        raise ValueError("the whole document cannot be removed")
    parent, last = _find(document, pointer.rpartition("/")[0]), parts[-1]
    del parent[int(last) if isinstance(parent, list) else last]
    return document
