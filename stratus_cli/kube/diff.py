"""The difference of two raw objects as field edits, and making such edits.

An edit is named at the highest level that is on one side only, so its parents exist on both. Lists
whose elements have keys are compared by key; the order of such a list is an edit by itself only
where the order means something (kube.lists.ORDERED), and then the list is one value.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stratus_cli.kube.document import edits_between
from stratus_cli.kube.fields import Inside, Segment, segments
from stratus_cli.kube.lists import FREE_MAPS, ORDERED, keyed, list_keys
from stratus_cli.kube.paths import child, may_be_key, render_path, set_at
from stratus_cli.model.change import ABSENT, FieldEdit, Json

Elements = Mapping[tuple[str, ...], Any]


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldEdit, ...]:
    """Every field that differs, in the order of their paths' appearance in `after`."""
    kind = str(after.get("kind") or before.get("kind") or "")
    return tuple(_maps(kind, (), (), before, after))


def apply_edits(item: Mapping[str, Any], edits: Iterable[FieldEdit]) -> dict[str, Any]:
    """A deep copy with every edit's `after` in place. ValueError when a path does not fit."""
    made = copy.deepcopy(dict(item))
    for edit in edits:
        set_at(made, segments(edit.path), copy.deepcopy(edit.after))
    return made


def of_whole_values(
    edits: Iterable[FieldEdit], before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[FieldEdit, ...]:
    """The same edits for who knows no fields inside a text: each such text is one value."""
    made: dict[str, FieldEdit] = {}
    for edit in edits:
        way = segments(edit.path)
        if isinstance(way[-1], Inside):
            path = render_path(way[:-1])
            made[path] = FieldEdit(path, _at(before, way[:-1]), _at(after, way[:-1]))
        else:
            made[edit.path] = edit
    return tuple(made.values())


def same_value(left: Json, right: Json) -> bool:
    """Equality of JSON, or of what is not there: true is not 1, and 1 is 1.0."""
    if left is ABSENT or right is ABSENT:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            same_value(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    return bool(left == right)


def edits_below(kind: str, edit: FieldEdit, now: Json) -> tuple[FieldEdit, ...]:
    """An edit of a whole map or keyed list, told entry by entry, in whatever order they stand.

    now: what stands there. () where it is one thing: not of entries that each stand for itself
    (kube.lists), or of a shape that does not tell them apart.
    """
    path = segments(edit.path)
    names = tuple(segment for segment in path if isinstance(segment, str))
    if not isinstance(path[-1], str):
        return ()  # an element of a list is one thing
    known = [value for value in (edit.before, edit.after, now) if value is not ABSENT]
    if names[-1] in FREE_MAPS and all(isinstance(value, Mapping) for value in known):
        old, new = ({} if value is ABSENT else value for value in (edit.before, edit.after))
        return tuple(_maps(kind, names, path, old, new))
    keys = list_keys(kind, names)
    if keys is None or not all(isinstance(value, list) for value in known):
        return ()
    sides = [
        keyed([] if value is ABSENT else value, keys) for value in (edit.before, edit.after, now)
    ]
    before, after, _ = sides
    if before is None or after is None or None in sides or not _nameable(before, after):
        return ()
    return tuple(_elements(kind, names, path, keys, before, after))


def in_order_of(
    model: Mapping[str, Any], item: Mapping[str, Any], paths: Iterable[str]
) -> dict[str, Any]:
    """A copy in which the list elements at these paths stand where the model has them.

    Nothing else moves: what others appended stays behind what it could see. A pod template's hash,
    and what $(NAME) in env sees, depend on the order.
    """
    made = copy.deepcopy(dict(item))
    moved: dict[str, list[Mapping[str, str]]] = {}
    for path in dict.fromkeys(paths):
        *parents, last = segments(path)
        if parents and isinstance(last, Mapping):
            moved.setdefault(render_path(parents), []).append(last)
    for parent, elements in moved.items():
        way = segments(parent)
        wanted, found = _at(model, way), _at(made, way)
        if isinstance(wanted, list) and isinstance(found, list):
            _put_in_order(wanted, found, elements)
    return made


def _at(node: Json, path: tuple[Segment, ...]) -> Json:
    for segment in path:
        node = child(node, segment)
    return node


def _put_in_order(wanted: list[Any], found: list[Any], elements: list[Mapping[str, str]]) -> None:
    """Move these elements: before what follows them in the model, else behind what precedes."""
    keys = tuple(elements[0])
    model, here = keyed(wanted, keys), keyed(found, keys)
    if model is None or here is None:
        return
    places, order = list(model), list(here)
    ours = {tuple(element.values()) for element in elements}
    for index in reversed(range(len(places))):
        place = places[index]
        if place not in ours or place not in here:
            continue
        order.remove(place)
        behind = [at for at, other in enumerate(order) if other in places[index + 1 :]]
        ahead = [at for at, other in enumerate(order) if other in places[:index]]
        order.insert(behind[0] if behind else ahead[-1] + 1 if ahead else len(order), place)
    found[:] = [here[place] for place in order]


def _maps(
    kind: str,
    names: tuple[str, ...],
    path: tuple[Segment, ...],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> Iterator[FieldEdit]:
    for key in (*after, *(key for key in before if key not in after)):
        old, new = before.get(key, ABSENT), after.get(key, ABSENT)
        yield from _values(kind, (*names, key), (*path, key), old, new)


def _values(
    kind: str, names: tuple[str, ...], path: tuple[Segment, ...], old: Json, new: Json
) -> Iterator[FieldEdit]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _maps(kind, names, path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(kind, names, path, old, new)
    elif _may_be_documents(kind, names, old, new) and (inside := edits_between(old, new)):
        for pointer, before, after in inside:
            yield FieldEdit(render_path((*path, Inside(pointer))), before, after)
    elif old is ABSENT or new is ABSENT or not same_value(old, new):
        yield FieldEdit(render_path(path), old, new)


def _may_be_documents(kind: str, names: tuple[str, ...], old: Json, new: Json) -> bool:
    """Whether a value of a ConfigMap may be compared field by field."""
    is_value = kind == "ConfigMap" and len(names) == 2 and names[0] == "data"
    return is_value and isinstance(old, str) and isinstance(new, str)


def _lists(
    kind: str, names: tuple[str, ...], path: tuple[Segment, ...], old: list[Any], new: list[Any]
) -> Iterator[FieldEdit]:
    keys = list_keys(kind, names)
    before = keyed(old, keys) if keys else None
    after = keyed(new, keys) if keys else None
    if (
        keys is None
        or before is None
        or after is None
        or not _nameable(before, after)
        or (names[-1] in ORDERED and not _same_order(before, after))
    ):
        if not same_value(old, new):
            yield FieldEdit(render_path(path), old, new)
        return
    yield from _elements(kind, names, path, keys, before, after)


def _elements(
    kind: str,
    names: tuple[str, ...],
    path: tuple[Segment, ...],
    keys: tuple[str, ...],
    before: Elements,
    after: Elements,
) -> Iterator[FieldEdit]:
    for place in (*after, *(place for place in before if place not in after)):
        segment = dict(zip(keys, place, strict=True))
        yield from _values(
            kind, names, (*path, segment), before.get(place, ABSENT), after.get(place, ABSENT)
        )


def _same_order(before: Elements, after: Elements) -> bool:
    """Whether removing and appending elements of `before` gives the order of `after`."""
    kept = [place for place in before if place in after]
    return [*kept, *(place for place in after if place not in before)] == list(after)


def _nameable(*sides: Elements) -> bool:
    return all(may_be_key(value) for side in sides for place in side for value in place)
