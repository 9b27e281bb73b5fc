"""The revisions of StatefulSets and DaemonSets: a name for each pod template (history/history.go).

Their ControllerRevision objects are not kept: nothing here reads them.
"""

from __future__ import annotations

import json

from stratus_cli.cluster.twin.names import template_hash
from stratus_cli.cluster.twin.store import Item

LABEL = "controller-revision-hash"


class Revisions:
    """Names that last: the same template of the same object has the same one."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._seen: set[str] = set()

    def of(self, item: Item, running: str) -> str:
        """The hash of the present template. running: that of the pods which are there.

        An object that comes with its pods, of a real cluster, keeps the name that it has there.
        """
        uid, template = item["metadata"]["uid"], item["spec"]["template"]
        key = (uid, json.dumps(template, sort_keys=True))
        status = item.get("status") or {}
        if uid not in self._seen:
            self._seen.add(uid)
            if running and status.get("observedGeneration") == item["metadata"]["generation"]:
                self._known[key] = running
        return self._known.setdefault(key, template_hash(template, 0))
