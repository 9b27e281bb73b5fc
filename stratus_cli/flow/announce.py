"""One Event on each object that a commit changed: who, which transaction, which fields.

Best effort: that no Event may be written is said and fails nothing. Values are never in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from stratus_cli.flow.inverse import Written
from stratus_cli.kube.diff import diff
from stratus_cli.kube.pre_image import is_pre_image
from stratus_cli.model.errors import StratusError
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref

LONGEST = 1000  # the API server allows 1024 characters in an Event's message
NOT_IN_NAMES = re.compile(r"[^a-z0-9.-]+")


def announce(ports: Ports, tx: str, written: Sequence[Written]) -> None:
    """Write the Events. written: oldest first."""
    by_object: dict[Ref, list[Written]] = {}
    for item in written:
        by_object.setdefault(item.ref, []).append(item)
    for ref, items in by_object.items():
        if items[-1].after is None or is_pre_image(items[-1].after):
            continue  # an Event on an object that is gone would be about nothing
        try:
            ports.cluster.create(_event(ports, tx, items))
        except StratusError as error:
            ports.progress.note(f"no Event on {ref}: {error.what}")


def _event(ports: Ports, tx: str, items: Sequence[Written]) -> dict[str, Any]:
    now = ports.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ref = items[-1].ref
    edits = (edit for item in items for edit in diff(item.before or {}, item.after or {}))
    fields = ", ".join(dict.fromkeys(edit.path for edit in edits)) or "nothing"
    message = f"{ports.who} changed {fields} in transaction {tx}"
    name = NOT_IN_NAMES.sub("-", ref.name[:40]).strip("-.")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{name}.{tx}.{items[-1].number}",
            "namespace": ref.namespace or "default",
        },
        "involvedObject": {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": items[-1].uid,
        },
        "type": "Normal",
        "reason": "StratusCommitted",
        "message": message if len(message) <= LONGEST else f"{message[: LONGEST - 1]}…",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": "stratus"},
        "reportingComponent": "stratus",
    }
