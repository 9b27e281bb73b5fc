"""Reading whole objects for planning, as they would be after the plan's earlier steps.

Reads only. What is changed must be computed from the raw object; a list may be masked by the
redactor, so a listed object that is masked is read again by name.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stratus_cli.kube.kinds import BY_KIND, with_api_version
from stratus_cli.kube.known_good import MASK
from stratus_cli.model.change import Change
from stratus_cli.model.errors import NotFound
from stratus_cli.model.ports import Clock, Cluster
from stratus_cli.model.ref import Ref, ServedKind

Item = dict[str, Any]


class PlanReader:
    """The Reader of actions, over the cluster and the changes planned so far."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._planned: dict[Ref, Item | None] = {}
        self._read: dict[Ref, Item | None] = {}

    def get(self, ref: Ref) -> Item | None:
        """The complete object, or None when it is absent."""
        if ref in self._planned:
            return copy.deepcopy(self._planned[ref])
        if ref not in self._read:
            try:
                self._read[ref] = self._cluster.get(with_api_version(ref))
            except NotFound:  # the kind is not served: no such object either
                self._read[ref] = None
        return copy.deepcopy(self._read[ref])

    def list(self, kind: str, namespace: str) -> list[Item]:
        """Every object of the kind, complete. A kind that is not served has none.

        kind: one of the table, or a word that names a group ("scaledobjects.keda.sh").
        """
        info = BY_KIND[kind].served if kind in BY_KIND else self.kind_of(kind)
        if info is None:
            return []
        word, kind = kind, info.kind
        found: dict[Ref, Item] = {}
        try:
            for page in self._cluster.list_pages(word, namespace or None):
                for item in json.loads(page).get("items") or ():
                    ref = Ref(kind, item["metadata"].get("namespace", ""), item["metadata"]["name"])
                    whole = self.get(ref) if MASK in json.dumps(item, ensure_ascii=False) else item
                    if whole is not None:
                        found[ref] = {"apiVersion": info.api_version, "kind": kind} | whole
        except NotFound:
            found = {}
        for ref, planned in self._planned.items():
            if ref.kind == kind and namespace in ("", ref.namespace):
                found.pop(ref, None)
                if planned is not None:
                    found[ref] = copy.deepcopy(planned)
        return list(found.values())

    def kind_of(self, word: str) -> ServedKind | None:
        """The kind that the cluster serves by this word."""
        return self._cluster.kind_of(word)

    def now(self) -> datetime:
        """When the plan is made."""
        return self._clock.now()

    def seal(self, value: bytes) -> str:
        """What stands for a value of a Secret."""
        return self._cluster.seal(value)

    def take(self, change: Change) -> None:
        """Go on as if this change had been made."""
        after: Mapping[str, Any] | None = change.after
        self._planned[change.ref] = None if after is None else copy.deepcopy(dict(after))

    def is_planned(self, ref: Ref) -> bool:
        """Whether an earlier step of this plan changes the object."""
        return ref in self._planned
