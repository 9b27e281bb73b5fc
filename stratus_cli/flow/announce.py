"""One Event on each object that a commit changed: who, which transaction, which fields.

Best effort: that no Event may be written is said and fails nothing. Values are never in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratus_cli.flow.transaction import Written
from stratus_cli.kube.diff import diff
from stratus_cli.model.errors import StratusError
from stratus_cli.model.ports import Ports

LONGEST = 1000  # the API server allows 1024 characters in an Event's message


def announce(ports: Ports, tx: str, written: Sequence[Written]) -> None:
    """Write the Events."""
    for item in written:
        if item.after is None:
            continue  # an Event on an object that is gone would be about nothing
        try:
            ports.cluster.create(_event(ports, tx, item))
        except StratusError as error:
            ports.progress.note(f"no Event on {item.ref}: {error.what}")


def _event(ports: Ports, tx: str, item: Written) -> dict[str, Any]:
    now = ports.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = ", ".join(edit.path for edit in diff(item.before or {}, item.after or {}))
    message = f"{ports.who} changed {fields} in transaction {tx}"
    namespace = item.ref.namespace or "default"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{item.ref.name[:40]}.{tx}.{item.number}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": item.ref.api_version,
            "kind": item.ref.kind,
            "namespace": item.ref.namespace,
            "name": item.ref.name,
            "uid": item.uid,
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
