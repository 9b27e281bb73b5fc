"""A part of an object that holds just some fields, so that a change can be told without the rest.

Two skeletons over the edits of a change differ exactly as the whole objects do (the parents of an
edited field exist on both sides, since an edit is named at the highest level that differs).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from stratus_cli.kube.fields import Inside, Segment, segments

IDENTITY = ("apiVersion", "kind")
Json = Any


def skeleton(item: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Identity, the fields at these paths, and their parents with nothing else in them."""
    meta = item.get("metadata") or {}
    kept = {
        **{name: item[name] for name in IDENTITY if name in item},
        "metadata": {name: meta[name] for name in ("name", "namespace") if name in meta},
    }
    for path in paths:
        # A text is kept whole, whatever field inside it is meant.
        way = [part for part in segments(path) if not isinstance(part, Inside)]
        _keep(item, kept, tuple(way))
    return kept


class _Nothing:
    """Not there."""


_NOTHING = _Nothing()


def _keep(source: Json, target: Json, path: tuple[Segment, ...]) -> None:
    """Copy what stands at path from source into target, making the way to it."""
    head, rest = path[0], path[1:]
    found = _child(source, head)
    if found is _NOTHING:
        return
    if not rest:
        _put(target, head, copy.deepcopy(found))
        return
    below = _child(target, head)
    if below is _NOTHING:
        below = _empty(found, head)
        _put(target, head, below)
    _keep(found, below, rest)


def _empty(found: Json, head: Segment) -> Json:
    """The container that `found` is, with nothing but the keys it is known by in its list."""
    if isinstance(found, list):
        return []
    keys = head if isinstance(head, Mapping) else ()
    return {key: found[key] for key in keys if key in found}


def _child(node: Json, head: Segment) -> Json:
    if isinstance(head, str):
        return node.get(head, _NOTHING) if isinstance(node, Mapping) else _NOTHING
    if not isinstance(node, list) or isinstance(head, Inside):
        return _NOTHING
    if isinstance(head, int):
        return node[head] if head < len(node) else _NOTHING
    return next((element for element in node if _has_keys(element, head)), _NOTHING)


def _has_keys(element: Json, keys: Mapping[str, str]) -> bool:
    return isinstance(element, Mapping) and all(
        str(element.get(key, "")) == value for key, value in keys.items()
    )


def _put(target: Json, head: Segment, value: Json) -> None:
    if isinstance(head, str):
        target[head] = value
    else:
        target.append(value)
