"""Hypotheses before they compete: the same thing said by several causes is said once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from stratus_cli.kube.fields import Segment, segments
from stratus_cli.model.diagnosis import Diagnosis
from stratus_cli.model.ref import Ref

SURE_ENOUGH = 0.3
"""Below it a hypothesis is only a rival: naming nothing is better than naming the wrong thing."""

GENERAL = frozenset({"template-changed", "object-changed", "object-absent"})
"""Causes that know that something changed, and not what it means."""


def without_echoes(found: Iterable[Diagnosis]) -> list[Diagnosis]:
    """One hypothesis per cause, object and field; a general one gives way to one that knows more.

    What a hypothesis that goes explained, the one that stays explains.
    """
    merged: dict[tuple[str, Ref, str, str], Diagnosis] = {}
    for item in sorted(found, key=_order):
        cause = "" if item.cause in GENERAL else item.cause
        key = (cause, item.root, item.field, item.observed)
        merged[key] = _explaining_too(merged[key], item) if key in merged else item
    known: dict[Ref, dict[str, Diagnosis]] = {}
    for item in merged.values():
        if item.cause not in GENERAL and item.confidence >= SURE_ENOUGH:
            known.setdefault(item.root, {}).setdefault(item.field, item)
    kept: list[Diagnosis] = []
    for item in merged.values():
        by_field = known.get(item.root, {})
        field = _same_place(item.field, by_field) if item.cause in GENERAL else None
        if field is None:
            kept.append(item)
        else:
            by_field[field] = _explaining_too(by_field[field], item)
    return [_fullest(item, known.get(item.root, {})) for item in kept]


def _order(item: Diagnosis) -> tuple[float, str, Ref, str, str, tuple[tuple[str, Ref], ...]]:
    """The surest first; which cause was asked first decides nothing."""
    return (-item.confidence, item.cause, item.root, item.field, item.observed, item.explains)


def _same_place(field: str, known: Mapping[str, Diagnosis]) -> str | None:
    """The field of another hypothesis that is this one, is inside it or has it inside."""
    return next((other for other in known if _within(field, other) or _within(other, field)), None)


def _within(inner: str, outer: str) -> bool:
    try:
        parts, whole = segments(inner), segments(outer)
    except ValueError:
        return inner == outer
    return inner == outer or (0 < len(whole) <= len(parts) and all(map(_is_same, parts, whole)))


def _is_same(one: Segment, other: Segment) -> bool:
    """One element of a list may be told by some of its keys or by all of them."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.items() <= other.items() or other.items() <= one.items()
    return one == other


def _fullest(item: Diagnosis, known: Mapping[str, Diagnosis]) -> Diagnosis:
    """The same hypothesis with what it took over."""
    other = known.get(item.field)
    return other if other is not None and other.cause == item.cause else item


def _explaining_too(item: Diagnosis, other: Diagnosis) -> Diagnosis:
    """The surer of the two, with what both explain."""
    best = max(item, other, key=_knows_more)
    return replace(best, explains=tuple(dict.fromkeys((*item.explains, *other.explains))))


def _knows_more(item: Diagnosis) -> tuple[bool, float, str]:
    return (item.cause not in GENERAL, item.confidence, item.cause)
