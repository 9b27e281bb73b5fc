"""Finding the containers that an action names, in a pod spec of raw JSON."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

LISTS = ("containers", "initContainers")
Item = dict[str, Any]


def named(spec: Item, names: Iterable[str], ref: Ref) -> list[tuple[str, Item]] | Refusal:
    """(path inside the pod spec, container) of each name; "*" means all, init containers too.

    So does kubectl, and the line that is shown must mean the same.
    """
    present = list(every(spec))
    found: list[tuple[str, Item]] = []
    for name in names:
        if name == "*":
            found.extend(present)
            continue
        matching = [item for item in present if item[1].get("name") == name]
        if not matching:
            known = [str(item.get("name")) for _, item in present]
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(known)}"
            return Refusal("container", f"{ref} has no container {name}", hint)
        found.extend(matching[:1])
    return found


def every(spec: Item) -> Iterator[tuple[str, Item]]:
    """Every container with its path, init containers last."""
    for list_name in LISTS:
        for container in spec.get(list_name) or ():
            if isinstance(container, dict):
                yield f"{list_name}[name={container.get('name')}]", container
