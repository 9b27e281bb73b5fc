"""Who owned which fields (managedFields), and how they get them back after a change was undone.

Pure. A record is entries of managedFields cut down to the fields in question: names, never values.
Statuses and other subresources have owners of their own, which are never touched.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stratus_cli.kube.changes import below
from stratus_cli.kube.fields import Inside, Segment, segments

Entry = dict[str, Any]
WHO = ("manager", "operation", "apiVersion")
KEPT = (*WHO, "time", "fieldsType")
APPLY = "Apply"


def owners_of(item: Mapping[str, Any], paths: Iterable[str]) -> tuple[Entry, ...]:
    """The entries that own one of these fields, or something below, cut down to that.

    The path "" is the whole object.
    """
    wanted = [_way_to(path) for path in paths]
    found = []
    for entry in entries(item):
        tree: Entry = {}
        for parts in wanted:
            _add(tree, _branch(entry["fieldsV1"], parts) or {})
        if tree:
            found.append({**{key: entry[key] for key in KEPT if key in entry}, "fieldsV1": tree})
    return tuple(found)


def given_back(
    item: Mapping[str, Any], paths: Sequence[str], former: Sequence[Mapping[str, Any]], ours: str
) -> list[Entry] | None:
    """managedFields with these fields under their former owners; None when it is so already.

    ours: the manager that gives them back. Fields that it does not own are left as they are.
    """
    meta = item.get("metadata")
    present = meta.get("managedFields") if isinstance(meta, Mapping) else None
    if not isinstance(present, list):
        return None
    made: list[Entry] = copy.deepcopy(present)
    mine = [entry for entry in _usable(made) if _is_ours(entry, ours)]
    for parts in map(_way_to, paths):
        owned = [entry for entry in mine if _branch(entry["fieldsV1"], parts)]
        for entry in owned:
            _take(entry["fieldsV1"], parts)
        for one in former if owned else ():
            tree = _branch(one["fieldsV1"], parts)
            if tree:
                _add(_entry_of(made, one)["fieldsV1"], tree)
    empty = [entry for entry in mine if not entry["fieldsV1"]]
    made = [entry for entry in made if not any(entry is one for one in empty)]
    return None if made == present else made


def appliers_of(
    item: Mapping[str, Any], paths: Iterable[str], ours: str
) -> Iterator[tuple[str, str]]:
    """(manager, field) for each field that somebody else's server-side apply owns."""
    for path in paths:
        parts = _way_to(path)
        for entry in entries(item):
            if entry.get("operation") != APPLY or entry.get("manager") == ours:
                continue
            if _branch(entry["fieldsV1"], parts):
                yield str(entry.get("manager")), path


def _way_to(path: str) -> tuple[Segment, ...]:
    """To the field that the server knows: a text is one value, whatever is inside."""
    return tuple(part for part in segments(path) if not isinstance(part, Inside))


def entries(item: Mapping[str, Any]) -> Iterator[Entry]:
    """Those that can be read and are not of a subresource."""
    meta = item.get("metadata")
    listed = meta.get("managedFields") if isinstance(meta, Mapping) else None
    if isinstance(listed, list):
        yield from _usable(listed)


def _usable(listed: Iterable[object]) -> Iterator[Entry]:
    for entry in listed:
        if not isinstance(entry, dict) or entry.get("subresource"):
            continue
        if isinstance(entry.get("fieldsV1"), dict):
            yield entry


def _is_ours(entry: Mapping[str, Any], ours: str) -> bool:
    return (entry.get("manager"), entry.get("operation")) == (ours, "Update")


def _entry_of(listed: list[Entry], former: Mapping[str, Any]) -> Entry:
    """The entry of the same manager, operation and version; made where it went meanwhile."""
    for entry in _usable(listed):
        if all(entry.get(key) == former.get(key) for key in WHO):
            return entry
    made = {**{key: former[key] for key in KEPT if key in former}, "fieldsV1": {}}
    listed.append(made)
    return made


def _branch(tree: Mapping[str, Any], wanted: Sequence[Segment]) -> Entry | None:
    """The part of a tree on the way to a field, and all below it; None where it is not owned."""
    if not wanted or not tree:  # an atomic field is owned as a whole: {"f:selector": {}}
        return copy.deepcopy(dict(tree))
    key, node = below(tree, wanted[0])
    if not isinstance(node, Mapping):
        return None
    found = _branch(node, wanted[1:])
    return None if found is None else {key: found}


def _take(tree: Entry, wanted: Sequence[Segment]) -> None:
    """Cut the field out, and what is empty without it."""
    if not wanted:
        tree.clear()
        return
    key, node = below(tree, wanted[0])
    if not isinstance(node, dict):
        return
    if node and len(wanted) > 1:
        _take(node, wanted[1:])
        if node:
            return
    del tree[key]


def _add(tree: Entry, more: Mapping[str, Any]) -> None:
    for key, node in more.items():
        _add(tree.setdefault(key, {}), node)
