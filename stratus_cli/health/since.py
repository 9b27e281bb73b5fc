"""What moved between two measurements, for people and for CI: new, gone, worse, better. Pure.

By the same comparison, and the same noise, as the verdict on a change.
"""

from __future__ import annotations

from stratus_cli.health.compare import compare, is_scaling
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.health import Health, UnitChange, UnitHealth
from stratus_cli.model.ref import Ref

WORSE = ("gone", "worse")


def since(before: Health, now: Health) -> tuple[UnitChange, ...]:
    """Each unit that moved, worse ones first. One that could not be read on a side is "unread"."""
    found = [
        change
        for ref in sorted({*before.units, *now.units})
        if (change := _change(ref, before, now)) is not None
    ]
    return tuple(sorted(found, key=lambda item: _ORDER.index(item.word)))


def _change(ref: Ref, before: Health, now: Health) -> UnitChange | None:
    old, new = before.units.get(ref), now.units.get(ref)
    if old is not None and new is not None:
        return _moved(old, new)
    missing = now if new is None else before
    if ref.kind in missing.unread and ref.kind in BY_KIND:
        return UnitChange(ref, "unread", ())
    return UnitChange(ref, "gone" if new is None else "new", ())


def _moved(old: UnitHealth, new: UnitHealth) -> UnitChange | None:
    """Worse when any component is."""
    moved = [item for item in compare((old,), new) if not is_scaling(new, item)]
    texts = [item.what for item in moved]
    if old.wanted != new.wanted and None not in (old.wanted, new.wanted):
        texts.append(f"wanted {old.wanted} -> {new.wanted}")
    if not texts:
        return None
    if not moved:
        return UnitChange(old.ref, "changed", tuple(texts))
    word = "better" if all(item.better for item in moved) else "worse"
    return UnitChange(old.ref, word, tuple(texts))


_ORDER = (*WORSE, "unread", "changed", "new", "better")
