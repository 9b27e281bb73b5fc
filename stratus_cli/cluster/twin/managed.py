"""managedFields: who set which field when, as the API server keeps them.

A writer owns the fields it changed; others lose those fields. Statuses are kept coarsely: one
entry per writer that names the status fields without their insides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stratus_cli.cluster.twin.store import Item
from stratus_cli.kube.lists import list_keys

Path = tuple[str, ...]
Leaves = dict[Path, Any]
# Maps that are one value (x-kubernetes-map-type: atomic).
ATOMIC = frozenset(
    {"selector", "nodeSelector", "configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"}
)
META = ("labels", "annotations", "finalizers", "ownerReferences")
UNTRACKED = frozenset({"Event", "Lease", "EndpointSlice"})


def written(
    item: Item, old: Item | None, manager: str, stamp: str, *, applied: Item | None = None
) -> None:
    """Set metadata.managedFields of a written object, in place. old: what it replaces.

    The entries that the item carries are the ones to start from (see given). applied: the manifest
    of a server-side apply; its fields are the manager's, and others keep those that it agrees with.
    """
    if item["kind"] in UNTRACKED:
        return
    entries = (item["metadata"].get("managedFields") or []) if old else []
    new_leaves = leaves(item)
    old_leaves = leaves(old) if old else {}
    changed = {
        path
        for path, value in new_leaves.items()
        if path not in old_leaves or old_leaves[path] != value
    }
    lost = changed
    if applied is not None:
        changed = set(leaves(applied)) & set(new_leaves)
        lost = lost & changed
    gone = set(old_leaves) - set(new_leaves)
    if not changed and not gone and old is not None:
        item["metadata"]["managedFields"] = entries
        return
    operation = "Update" if applied is None else "Apply"
    kept: list[Item] = []
    mine: set[Path] = set()
    for entry in entries:
        if entry.get("subresource"):
            kept.append(entry)
            continue
        owned = _paths(entry["fieldsV1"])
        if (entry["manager"], entry["operation"]) == (manager, operation):
            mine = owned - gone
        elif remaining := owned - gone - lost:
            kept.append({**entry, "fieldsV1": _tree(remaining)})
    if mine | changed:
        kept.append(_entry(item, manager, operation, stamp, _tree(mine | changed)))
    item["metadata"]["managedFields"] = kept


def conflicts(applied: Item, live: Item, manager: str) -> Iterator[tuple[str, str, str]]:
    """(manager, its apiVersion, field) for what a server-side apply would change of others'."""
    present = leaves(live)
    differing = {
        path for path, value in leaves(applied).items() if present.get(path, value) != value
    }
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("subresource") or (entry["manager"], entry["operation"]) == (manager, "Apply"):
            continue
        for path in sorted(differing & _paths(entry["fieldsV1"])):
            yield entry["manager"], entry["apiVersion"], _shown(path)


def _shown(path: Path) -> str:
    parts = (part.removeprefix("f:") for part in path)
    return "".join(f"[{part[2:]}]" if part.startswith("k:") else f".{part}" for part in parts)


def given(entries: Any, old: Item) -> list[Item]:  # noqa: ANN401  # what a client sent
    """What a PUT that carries these starts from: they count where they can be read.

    [{}] forgets all owners; none at all, or what cannot be read, means those of the stored object.
    """
    known: list[Item] = old["metadata"].get("managedFields") or []
    if not isinstance(entries, list) or not entries:
        return known
    if entries == [{}]:
        return []
    wanted = ("manager", "operation", "apiVersion", "fieldsV1")
    if all(isinstance(entry, dict) and all(map(entry.get, wanted)) for entry in entries):
        return entries
    return known


def status_written(item: Item, manager: str, stamp: str) -> None:
    """The same for a status, in place: which status fields, and when last."""
    entries = item["metadata"].setdefault("managedFields", [])
    fields: Item = {"f:status": {f"f:{name}": {} for name in sorted(item.get("status") or {})}}
    for entry in entries:
        if entry["manager"] == manager and entry.get("subresource") == "status":
            entry["time"] = stamp
            entry["fieldsV1"] = fields
            return
    entry = _entry(item, manager, "Update", stamp, fields)
    entries.append({**entry, "subresource": "status"})


def leaves(item: Item) -> Leaves:
    """Every field that can be owned, with its value."""
    found: Leaves = {}
    meta = item["metadata"]
    for name in META:
        if meta.get(name):
            path, names = ("f:metadata", f"f:{name}"), ("metadata", name)
            found.update(_walk(item, meta[name], path, names))
    for name, value in item.items():
        if name not in ("apiVersion", "kind", "metadata", "status"):
            found.update(_walk(item, value, (f"f:{name}",), (name,)))
    return found


def _walk(item: Item, node: Any, path: Path, names: Path) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401
    if isinstance(node, dict) and node and names[-1] not in ATOMIC:
        for key, value in node.items():
            yield from _walk(item, value, (*path, f"f:{key}"), (*names, key))
        return
    if isinstance(node, list) and node:
        keys = list_keys(item["kind"], names)
        if keys and all(isinstance(element, dict) for element in node):
            for element in node:
                known = {key: element[key] for key in sorted(keys) if key in element}
                here = (*path, "k:" + json.dumps(known, separators=(",", ":")))
                yield (*here, "."), None
                for key, value in element.items():
                    yield from _walk(item, value, (*here, f"f:{key}"), (*names, key))
            return
    yield path, node


def _tree(paths: set[Path]) -> Item:
    root: Item = {}
    for path in sorted(paths):
        node = root
        for segment in path:
            node = node.setdefault(segment, {})
    return root


def _paths(tree: Item, prefix: Path = ()) -> set[Path]:
    if not tree:
        return {prefix} if prefix else set()
    return {path for key, below in tree.items() for path in _paths(below, (*prefix, key))}


def _entry(item: Item, manager: str, operation: str, stamp: str, fields: Item) -> Item:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": item["apiVersion"],
        "time": stamp,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
