"""What became of a write whose answer is unknown: one look at the object says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_cli.kube.diff import apply_edits, diff, same_value
from stratus_cli.kube.known_good import MASK
from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT
from stratus_cli.model.entry import Intent
from stratus_cli.model.errors import ClusterAnswer, ClusterUnreachable, Conflict, StratusError
from stratus_cli.model.ref import Ref

MANAGER = "stratus"
"""Our name in managedFields (cluster.live, cluster.twin)."""

Item = Mapping[str, Any]


def is_refusal(error: StratusError) -> bool:
    """Whether the server surely did not make the write: it read the request and said no.

    An answer of 500 and above may come after the write was stored (etcd's time-outs do); status 0
    and 2xx stand for an answer that broke off or cannot be read.
    """
    return isinstance(error, ClusterAnswer) and 400 <= error.status < 500


def is_passing(error: StratusError) -> bool:
    """Whether the same request may succeed in a moment."""
    if isinstance(error, ClusterAnswer):
        return isinstance(error, Conflict) or error.status == 429 or not is_refusal(error)
    return isinstance(error, ClusterUnreachable)


def fate_of(
    ref: Ref, before: Item | None, wanted: Item | None, live: Item | None, version: str = ""
) -> bool | None:
    """Whether the write was made: True, False, or None (the object is neither as before nor so).

    ref.uid: of the object before it ("" for a create, or not known). version: resourceVersion
    before it, where known.
    """
    if wanted is None:
        return _is_gone(ref, live)
    if before is None:
        return _is_made(wanted, live)
    if live is None or _is_other(ref, live):
        return None
    if version and (live.get("metadata") or {}).get("resourceVersion") == version:
        return False
    now = normal_form(live)
    edits = diff(before, wanted)
    if all(same_value(value_at(now, edit.path), edit.after) for edit in edits):
        return True
    if all(same_value(value_at(now, edit.path), edit.before) for edit in edits):
        return False
    return None


def answer_lost(intent: Intent, live: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the server will have answered to a write that was made, as far as one look tells.

    The object may hold by now what somebody else wrote since: where it differs from what was asked
    for, that is no part of the answer. What the journal masks is taken as it is. Of an object made
    anew all else may be the server's defaults, so that stays.
    """
    if intent.after is None:
        return None
    if intent.before is None or live is None:
        return live
    now = normal_form(live)
    others = [edit for edit in diff(now, intent.after) if MASK not in str(edit.after)]
    kept = dict(apply_edits(now, others))
    meta = live.get("metadata") or {}
    told = {name: meta[name] for name in ("uid", "generation") if name in meta}
    return {**kept, "metadata": {**(kept.get("metadata") or {}), **told}}


def being_deleted(live: Item | None) -> bool:
    """Whether it lingers: a finalizer or a grace period holds it."""
    return live is not None and bool((live.get("metadata") or {}).get("deletionTimestamp"))


def uid_of(live: Item | None) -> str:
    """Its uid, "" where there is none."""
    return str(((live or {}).get("metadata") or {}).get("uid") or "")


def covers(wanted: Any, found: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether everything in wanted stands in found, which may hold the server's defaults too."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            covers(value, found.get(key, ABSENT)) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(wanted) == len(found)
            and all(map(covers, wanted, found))
        )
    return same_value(wanted, found)


def _is_gone(ref: Ref, live: Item | None) -> bool:
    return live is None or being_deleted(live) or _is_other(ref, live)


def _is_made(wanted: Item, live: Item | None) -> bool | None:
    if live is None:
        return False
    managers = (live.get("metadata") or {}).get("managedFields")
    if isinstance(managers, list) and managers and not any(map(_is_ours, managers)):
        return False  # somebody else made one of this name
    return True if covers(normal_form(wanted), normal_form(live)) else None


def _is_ours(entry: object) -> bool:
    return isinstance(entry, Mapping) and entry.get("manager") == MANAGER


def _is_other(ref: Ref, live: Item) -> bool:
    return bool(ref.uid) and bool(uid_of(live)) and uid_of(live) != ref.uid
