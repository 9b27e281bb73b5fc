"""Taking a change back when others may have written since: field by field, three values each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.kube.diff import apply_edits, diff, same_value
from stratus_cli.kube.fields import segments
from stratus_cli.kube.lists import FREE_MAPS
from stratus_cli.kube.paths import render_path, value_at
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
    inverse = diff(after, before)  # turned round: edit.after is what was before
    for edit in (part for whole in inverse for part in _parted(whole, live)):
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


def _parted(edit: FieldEdit, live: Mapping[str, Any]) -> Iterator[FieldEdit]:
    """A whole map that we added or removed, key by key where others wrote into it since.

    Without it, the first annotation of an object would clash with everybody else's second.
    """
    now = value_at(live, edit.path)
    path = segments(edit.path)
    ours = edit.before if edit.after is ABSENT else edit.after
    if (
        path[-1] not in FREE_MAPS
        or (edit.after is not ABSENT and edit.before is not ABSENT)
        or not isinstance(ours, Mapping)
        or not isinstance(now, Mapping)
        or _same(now, ours)
    ):
        yield edit
        return
    for name, value in ours.items():
        sides = (value, ABSENT) if edit.after is ABSENT else (ABSENT, value)
        yield FieldEdit(render_path((*path, name)), *sides)


def _same(left: Json, right: Json) -> bool:
    if left is ABSENT or right is ABSENT:
        return left is right
    return same_value(left, right)
