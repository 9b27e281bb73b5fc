"""Deletions that nothing brings back: the object could be created anew, what it held could not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FOR_GOOD = frozenset(
    {"CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim"}
)
"""DESIGN.md, Kinds of action: data, everything inside, every resource of the kind."""


def is_for_good(
    kind: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> bool:
    """Whether this change of an object of this kind is such a deletion."""
    return before is not None and after is None and kind in FOR_GOOD
