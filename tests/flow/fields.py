"""Fields of plain JSON as tuples of names: the tests' own comparison, without any code of ours."""

from __future__ import annotations

from typing import Any

Path = tuple[str | int, ...]
MISSING = "(missing)"


def differing(before: Any, after: Any, path: Path = ()) -> dict[Path, tuple[Any, Any]]:
    """Every leaf that differs. A map that is missing is an empty one; a list is a leaf unless both
    sides have as many elements, all of them maps."""
    if before == after and type(before) is type(after):
        return {}
    sides = [{} if side is MISSING else side for side in (before, after)]
    if all(isinstance(side, dict) for side in sides) and any(sides):
        found: dict[Path, tuple[Any, Any]] = {}
        for key in sorted({*sides[0], *sides[1]}):
            old, new = (side.get(key, MISSING) for side in sides)
            found |= differing(old, new, (*path, key))
        return found
    if _are_alike(before, after):
        found = {}
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            found |= differing(old, new, (*path, index))
        return found
    return {path: (before, after)}


def at(item: Any, path: Path) -> Any:
    """The value, or MISSING."""
    for name in path:
        try:
            item = item[name]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return item


def put(item: Any, path: Path, value: Any) -> None:
    """Set it in place; maps on the way are made."""
    for name in path[:-1]:
        item = item.setdefault(name, {}) if isinstance(item, dict) else item[name]
    item[path[-1]] = value


def _are_alike(before: Any, after: Any) -> bool:
    return (
        isinstance(before, list)
        and isinstance(after, list)
        and len(before) == len(after) > 0
        and all(isinstance(side, dict) for side in (*before, *after))
    )
