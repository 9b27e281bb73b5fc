"""Taking a change back when others may have written since: field by field, three values each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.kube.diff import apply_edits, diff, same_value
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


def take_back(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    force: bool = False,
) -> TakeBack:
    """Invert the change before -> after on live. force: restore what others changed, too."""
    restored: list[FieldEdit] = []
    already: list[FieldEdit] = []
    conflicts: list[Clash] = []
    for edit in diff(after, before):  # turned round: edit.after is what was before
        now = value_at(live, edit.path)
        if _same(now, edit.after):
            already.append(edit)
        elif _same(now, edit.before):
            restored.append(FieldEdit(edit.path, now, edit.after))
        else:
            conflicts.append(Clash(edit.path, edit.after, edit.before, now))
    forced = [FieldEdit(clash.path, clash.live, clash.before) for clash in conflicts if force]
    edits = (*restored, *forced)
    return TakeBack(apply_edits(live, edits), edits, tuple(already), tuple(conflicts))


def _same(left: Json, right: Json) -> bool:
    if left is ABSENT or right is ABSENT:
        return left is right
    return same_value(left, right)
