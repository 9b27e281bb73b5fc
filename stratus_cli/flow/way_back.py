"""The order of the way back: one place for rollback, undo and recover. Pure.

Newest first, with two exceptions. A ConfigMap or Secret is restored before anything else, so that
pods of a restored template start with the old value. What the plan created is deleted last, when
nothing refers to it any more. Writes to one object always go back newest first.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratus_cli.flow.inverse import Written
from stratus_cli.kube.config_readers import CONFIGS
from stratus_cli.model.ref import Ref

CONFIG_FIRST, IN_TURN, CREATED_LAST = range(3)


def way_back(items: Sequence[Written]) -> tuple[Written, ...]:
    """These writes in the order in which they are taken back. items: in the order of writing."""
    places = {ref: _place(ref, items) for ref in {item.ref for item in items}}
    newest_first = items[::-1]
    return tuple(sorted(newest_first, key=lambda item: places[item.ref]))


def _place(ref: Ref, items: Sequence[Written]) -> int:
    """By what the object was before all of them: something made anew in its place existed."""
    oldest = next(item for item in items if item.ref == ref)
    if oldest.before is None:
        return CREATED_LAST
    return CONFIG_FIRST if ref.kind in CONFIGS else IN_TURN
