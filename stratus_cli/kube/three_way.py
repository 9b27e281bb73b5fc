"""Taking a change back when others may have written since: field by field, three values each.

A map of free keys (labels, data ...) or a keyed list that changed as a whole is one field only as
long as nobody else touched it; after that each of its entries is weighed on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.kube.diff import apply_edits, diff, edits_below, in_order_of, same_value
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT, FieldEdit, Json


@dataclass(frozen=True)
class Clash:
    """A field of ours that somebody else changed since. Values are JSON or ABSENT."""

    path: str
    before: Json
    after: Json
    live: Json


@dataclass(frozen=True)
class TakeBack:
    """wanted: `live` with our fields as before, and everything else as it is now.

    restored: edits made to `live`; already: ours that are as before; conflicts: left alone.
    """

    wanted: dict[str, Any]
    restored: tuple[FieldEdit, ...]
    already: tuple[FieldEdit, ...]
    conflicts: tuple[Clash, ...]


@dataclass
class _Weighed:
    """The edits so far. split: paths that were taken entry by entry and did not exist before."""

    kind: str
    live: Mapping[str, Any]
    restored: list[FieldEdit] = field(default_factory=list)
    already: list[FieldEdit] = field(default_factory=list)
    conflicts: list[Clash] = field(default_factory=list)
    split: list[str] = field(default_factory=list)


def take_back(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    force: bool = False,
) -> TakeBack:
    """Invert the change before -> after on live. force: restore what others changed, too.

    What force cannot restore, since its parent has another shape by now, stays a conflict.
    """
    weighed = _Weighed(str(live.get("kind") or after.get("kind") or ""), live)
    for edit in diff(after, before):  # turned round: edit.after is what was before
        _weigh(edit, weighed)
    made = apply_edits(live, weighed.restored)
    conflicts = tuple(weighed.conflicts)
    if force:
        made, conflicts = _forced(made, weighed)
    for path in weighed.split:
        if value_at(made, path) in ({}, []):
            made = apply_edits(made, (FieldEdit(path, {}, ABSENT),))
    made = in_order_of(before, made, [edit.path for edit in weighed.restored])
    return TakeBack(made, tuple(weighed.restored), tuple(weighed.already), conflicts)


def _weigh(edit: FieldEdit, weighed: _Weighed) -> None:
    now = value_at(weighed.live, edit.path)
    if same_value(now, edit.after):
        weighed.already.append(edit)
        return
    if same_value(now, edit.before) and _fits(weighed.live, edit):
        weighed.restored.append(FieldEdit(edit.path, now, edit.after))
        return
    below = edits_below(weighed.kind, edit, now)
    if not below:
        weighed.conflicts.append(Clash(edit.path, edit.after, edit.before, now))
        return
    if edit.after is ABSENT:
        weighed.split.append(edit.path)
    for part in below:
        _weigh(part, weighed)


def _fits(live: Mapping[str, Any], edit: FieldEdit) -> bool:
    """Whether the edit can be made. A text that somebody rewrote may have no place for it."""
    if "#" not in edit.path:
        return True
    try:
        apply_edits(live, (edit,))
    except ValueError:
        return False
    return True


def _forced(made: dict[str, Any], weighed: _Weighed) -> tuple[dict[str, Any], tuple[Clash, ...]]:
    left: list[Clash] = []
    for clash in weighed.conflicts:
        edit = FieldEdit(clash.path, clash.live, clash.before)
        try:
            made = apply_edits(made, (edit,))
        except ValueError:
            left.append(clash)
        else:
            weighed.restored.append(edit)
    return made, tuple(left)
