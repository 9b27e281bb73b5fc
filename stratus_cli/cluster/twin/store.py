"""What etcd holds: raw JSON objects by kind, namespace and name, with the indexes controllers need.

Objects given out are the live ones: only this package sees them. Every write gets a new
resourceVersion, and everyone who watches the kind is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

Item = dict[str, Any]
Key = tuple[str, str]
Watcher = Callable[[Item, bool], None]
"""Called with the object and whether it is gone."""


class Store:
    """All objects of one twin."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, dict[str, Item]]] = defaultdict(lambda: defaultdict(dict))
        self._owned: dict[str, dict[str, Item]] = defaultdict(dict)
        self._labelled: dict[tuple[str, str, str], dict[str, Item]] = defaultdict(dict)
        self._indexed: dict[str, tuple[set[str], set[tuple[str, str, str]]]] = {}
        self._watchers: dict[str, list[Watcher]] = defaultdict(list)
        self.version = 1

    def watch(self, kind: str, watcher: Watcher) -> None:
        """Be told of every write and removal of a kind."""
        self._watchers[kind].append(watcher)

    def get(self, kind: str, namespace: str, name: str) -> Item | None:
        """The live object, or None."""
        by_namespace = self._items.get(kind)
        return by_namespace.get(namespace, {}).get(name) if by_namespace else None

    def of(self, kind: str, namespace: str | None = None) -> list[Item]:
        """All objects of a kind, by namespace and name; namespace None: of all."""
        spaces = self._items.get(kind)
        if spaces is None:
            return []
        chosen = sorted(spaces) if namespace is None else [namespace] * (namespace in spaces)
        return [spaces[space][name] for space in chosen for name in sorted(spaces[space])]

    def kinds(self) -> Iterator[str]:
        """Every kind that has objects, sorted."""
        return iter(sorted(kind for kind, spaces in self._items.items() if any(spaces.values())))

    def owned_by(self, uid: str, kind: str = "") -> list[Item]:
        """Objects with an ownerReference to this uid, by kind and name."""
        items = self._owned.get(uid)
        if not items:
            return []
        chosen = [item for item in items.values() if not kind or item["kind"] == kind]
        return sorted(chosen, key=lambda item: (item["kind"], item["metadata"]["name"]))

    def pods_selected(self, namespace: str, selector: dict[str, str]) -> list[Item]:
        """Pods whose labels hold every pair of a non-empty selector, by name."""
        pairs = list(selector.items())
        if not pairs:
            return []
        sets = [self._labelled.get((namespace, key, value)) for key, value in pairs]
        if not all(sets):
            return []
        smallest = min((found for found in sets if found), key=len)
        chosen = [
            item
            for item in smallest.values()
            if all((item["metadata"].get("labels") or {}).get(key) == value for key, value in pairs)
        ]
        return sorted(chosen, key=lambda item: str(item["metadata"]["name"]))

    def put(self, item: Item) -> None:
        """Store a new or changed object and tell its watchers."""
        meta = item["metadata"]
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        self._items[item["kind"]][meta.get("namespace", "")][meta["name"]] = item
        self._index(item)
        self._tell(item, gone=False)

    def touch(self, item: Item) -> None:
        """The object was changed in place, labels and owners not."""
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        self._tell(item, gone=False)

    def remove(self, item: Item) -> None:
        """Take an object out and tell its watchers."""
        meta = item["metadata"]
        space = self._items[item["kind"]][meta.get("namespace", "")]
        if space.get(meta["name"]) is not item:
            return
        del space[meta["name"]]
        self.version += 1
        self._unindex(meta["uid"])
        self._tell(item, gone=True)

    def _tell(self, item: Item, *, gone: bool) -> None:
        for watcher in self._watchers.get(item["kind"], ()):
            watcher(item, gone)

    def _index(self, item: Item) -> None:
        meta = item["metadata"]
        uid = meta["uid"]
        self._unindex(uid)
        owners = {str(owner["uid"]) for owner in meta.get("ownerReferences") or ()}
        pairs: set[tuple[str, str, str]] = set()
        if item["kind"] == "Pod":
            labels = meta.get("labels") or {}
            pairs = {(meta["namespace"], key, value) for key, value in labels.items()}
        for owner in owners:
            self._owned[owner][uid] = item
        for pair in pairs:
            self._labelled[pair][uid] = item
        if owners or pairs:
            self._indexed[uid] = (owners, pairs)

    def _unindex(self, uid: str) -> None:
        owners, pairs = self._indexed.pop(uid, ((), ()))
        for owner in owners:
            self._owned[owner].pop(uid, None)
        for pair in pairs:
            self._labelled[pair].pop(uid, None)


def key_of(item: Item) -> Key:
    """(namespace, name)."""
    meta = item["metadata"]
    return meta.get("namespace", ""), meta["name"]


def fresh(item: Any) -> Any:  # noqa: ANN401  # any JSON
    """A deep copy of JSON data."""
    return msgspec.json.decode(msgspec.json.encode(item))


def controller_uid(item: Item) -> str:
    """uid of the controlling owner, or ""."""
    for owner in item["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner["uid"])
    return ""


def owner_reference(owner: Item) -> Item:
    """A controlling ownerReference to this object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
