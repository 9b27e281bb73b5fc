"""Setting one field of a raw object by the text form of its path: the injector's own, so that a
fault does not depend on the code that repairs it.
"""

from __future__ import annotations

import copy
from typing import Any

from stratus_cli.kube.fields import Segment, segments
from tests.scenarios.scenario import Item


def with_fields(item: Item, values: dict[str, Any]) -> Item:
    """A copy with the fields set. Parents and keyed list elements that are missing are made."""
    changed = copy.deepcopy(item)
    for path, value in values.items():
        parts = segments(path)
        node: Any = changed
        for part, following in zip(parts, (*parts[1:], ""), strict=True):
            if part is parts[-1] and isinstance(part, str):
                node[part] = value
            else:
                node = _below(node, part, following)
    return changed


def _below(node: Any, part: Segment, following: Segment) -> Any:  # JSON
    if isinstance(part, str):
        return node.setdefault(part, {} if isinstance(following, str) else [])
    if isinstance(part, int):
        return node[part]
    for element in node:
        if all(str(element.get(key)) == value for key, value in part.items()):
            return element
    node.append(dict(part))
    return node[-1]
