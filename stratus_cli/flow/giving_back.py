"""After a change was taken back: its fields go back to the managers that owned them before.

A request of its own, since the server counts whatever a write changes as the writer's (DESIGN.md,
Equal). It changes no field, needs no way back, and nothing depends on it: where it fails that is
said, and the fields stay ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_cli.flow.fate import MANAGER
from stratus_cli.flow.inverse import Written
from stratus_cli.kube.diff import diff, same_value
from stratus_cli.kube.field_owners import given_back, owners_of
from stratus_cli.kube.paths import value_at
from stratus_cli.model.errors import Conflict, StratusError
from stratus_cli.model.ports import Ports

ATTEMPTS_ON_CONFLICT = 5  # DESIGN.md, Preconditions: statuses move the version all the time
FORGET: list[dict[str, Any]] = [{}]
"""What a PUT carries so that the server keeps no owners at all; [] would keep those it has."""

Item = Mapping[str, Any]
Former = tuple[Mapping[str, Any], ...]


def former_owners(before: Item | None, after: Item | None, live: Item | None) -> Former:
    """What the journal keeps of managedFields before a write: owners of the fields it changes."""
    if live is None or before is None:
        return ()
    paths = [""] if after is None else [edit.path for edit in diff(before, after)]
    return owners_of(live, paths)


def give_back(item: Written, ports: Ports) -> None:
    """Make the request, where there is something to give back. Raises nothing of the cluster's."""
    if item.before is None:
        return
    try:
        for _ in range(ATTEMPTS_ON_CONFLICT):
            if _is_given_back(item, ports):
                return
        ports.progress.note(f"{item.ref}: its fields stay owned by {MANAGER}: it moves too fast")
    except StratusError as error:
        ports.progress.note(f"{item.ref}: its fields stay owned by {MANAGER}: {error.what}")


def _is_given_back(item: Written, ports: Ports) -> bool:
    """False: it moved while we looked."""
    live = ports.cluster.get(item.ref)
    if live is None or (item.ref.kind == "Secret" and "data" not in live):
        # NOTE: of a Secret whose values may not be read there is no data; a PUT would lose them.
        return True
    made = given_back(live, _restored(item, live), item.owners, MANAGER)
    if made is None:
        return True
    meta = {**live["metadata"], "managedFields": made or FORGET}
    try:
        ports.cluster.replace({**live, "metadata": meta})
    except Conflict:
        return False
    return True


def _restored(item: Written, live: Item) -> list[str]:
    """Paths of our fields that are as before; of an object made again, all."""
    before = item.before or {}
    if item.after is None:
        return [""]
    return [
        edit.path
        for edit in diff(before, item.after)
        if same_value(value_at(live, edit.path), edit.before)
    ]
