"""Garbage collection: what lost all its owners goes; so does what is in a deleted namespace."""

from __future__ import annotations

from stratus_cli.cluster.twin.parts import LATENCY_S, Parts
from stratus_cli.cluster.twin.store import Item
from stratus_cli.cluster.twin.timeline import WorkQueue
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.ref import Ref

RECHECK_S = 1.0


class GarbageCollector:
    """Background deletion of dependents, and the namespace controller."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._owners: WorkQueue[str] = WorkQueue(parts.timeline, self._orphans, LATENCY_S)
        self._spaces: WorkQueue[str] = WorkQueue(parts.timeline, self._empty, LATENCY_S)
        self._gone: set[str] = set()
        for kind in BY_KIND:
            if kind not in ("Event", "EndpointSlice", "Pod"):
                parts.store.watch(kind, self._changed)

    def _changed(self, item: Item, gone: bool) -> None:
        meta = item["metadata"]
        if gone and self._parts.store.owned_by(meta["uid"]):
            self._owners.add(meta["uid"])
        if item["kind"] == "Namespace" and "deletionTimestamp" in meta and not gone:
            self._spaces.add(meta["name"])

    def _orphans(self, uid: str) -> None:
        self._gone.add(uid)
        for child in self._parts.store.owned_by(uid):
            owners = {owner["uid"] for owner in child["metadata"]["ownerReferences"]}
            if owners <= self._gone:
                self._delete(child)

    def _empty(self, name: str) -> None:
        space = self._parts.store.get("Namespace", "", name)
        if space is None:
            return
        kinds = list(self._parts.store.kinds())
        items = [item for kind in kinds for item in self._parts.store.of(kind, name)]
        for item in items:
            self._delete(item)
        if any(self._parts.store.of(kind, name) for kind in kinds):
            self._spaces.add(name, RECHECK_S)
        else:
            self._parts.store.remove(space)

    def _delete(self, item: Item) -> None:
        meta = item["metadata"]
        ref = Ref(item["kind"], meta.get("namespace", ""), meta["name"], item["apiVersion"])
        if self._parts.store.get(ref.kind, ref.namespace, ref.name) is item:
            self._parts.api.delete(ref)
