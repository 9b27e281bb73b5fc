"""One field set, or taken away, by somebody else: as a JSON patch, and on plain JSON."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from tests.flow.fields import MISSING, Path, at

Item = dict[str, Any]
END = "-"  # as the last name of a path: behind the last element of a list


@dataclass(frozen=True)
class Edit:
    """path: names and list indexes. value: MISSING to take the field away."""

    path: Path
    value: Any

    def on(self, item: Item) -> Item:
        """A copy of the object with the edit made."""
        made = copy.deepcopy(item)
        node: Any = made
        for name, following in zip(self.path[:-1], self.path[1:], strict=True):
            if isinstance(node, dict) and node.get(name) is None:
                node[name] = [] if following == END else {}
            node = node[name]
        last = self.path[-1]
        if last == END:
            node.append(self.value)
        elif self.value == MISSING:
            node.pop(last, None)
        else:
            node[last] = self.value
        return made

    def patch(self, item: Item) -> list[Item]:
        """The same as JSON patch operations on the object as it is. Parents are made."""
        last = self.path[-1]
        if self.value == MISSING:
            return [{"op": "remove", "path": _pointer(self.path)}]
        made = [
            {"op": "add", "path": _pointer(self.path[:length]), "value": self._parent(length)}
            for length in range(1, len(self.path))
            if at(item, self.path[:length]) in (MISSING, None)
        ]
        is_there = last != END and at(item, self.path) != MISSING
        verb = "replace" if is_there else "add"
        return [*made, {"op": verb, "path": _pointer(self.path), "value": self.value}]

    def _parent(self, length: int) -> Any:
        return [] if self.path[length] == END else {}


def field(text: str) -> Path:
    """The path of "spec.containers.0.image"; a name with dots or slashes is put in brackets."""
    names: list[str | int] = []
    rest = text
    while rest:
        if rest.startswith("["):
            name, _, rest = rest[1:].partition("]")
            names.append(name)
            rest = rest.removeprefix(".")
            continue
        name, _, rest = rest.partition(".")
        names.append(int(name) if name.isdecimal() else name)
    return tuple(names)


def edited(item: Item, *edits: Edit) -> Item:
    """A copy with all of them, in order."""
    for edit in edits:
        item = edit.on(item)
    return item


def _pointer(path: Path) -> str:
    return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in path)
