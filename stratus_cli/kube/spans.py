"""The values of a document with the spans of text that they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stratus_cli.model.change import Json

DEEPEST = 50  # our choice, as for objects: no configuration goes deeper


@dataclass(frozen=True)
class Node:
    """One value of a document. start, end: its span. style: YAML's quote, "" for JSON and plain.

    children: by key or position; None for a scalar.
    """

    start: int
    end: int
    scalar: Json = None
    children: Mapping[str, Node] | None = None
    is_list: bool = False
    style: str = ""
    is_yaml: bool = False

    @property
    def value(self) -> Json:
        """The value as plain JSON."""
        if self.children is None:
            return self.scalar
        if self.is_list:
            return [child.value for child in self.children.values()]
        return {key: child.value for key, child in self.children.items()}


def finite(value: Json, text: str) -> Json:
    """The number that was read. ValueError for one that JSON has no word for (1e999, .nan)."""
    if isinstance(value, float) and not -1e308 < value < 1e308:
        raise ValueError(f"the number {text[:20]} is not read exactly")
    return value
