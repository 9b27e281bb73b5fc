"""Fields of a custom resource that were set later than it was made. Pure; names, not meanings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.fields import as_text, quoted, read, segments
from stratus_cli.kube.graph import Graph
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_custom import CustomObject
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload

FOLLOWS_S = 600.0
"""How long after a change of the custom resource its controller may act on it. Our choice: a
controller acts on an event at once; its back-off after errors ends within minutes."""
EARLIER = timedelta(seconds=2)  # times in managedFields are cut to seconds
DEEPEST = 6  # levels below spec that are looked at
MOST = 200  # leaves
SHORTEST, SMALLEST = 4, 1000  # of what may be found in a message by more than chance


@dataclass(frozen=True, slots=True)
class Edit:
    """One field of spec that was set later. at: not before."""

    path: str
    value: Json
    at: datetime


def edits_of(item: CustomObject) -> tuple[Edit, ...]:
    """The fields set later than the object was made, newest first."""
    found = []
    for path, value in leaves(item.spec):
        change = last_change(item, path)
        if change is not None and not change.at_creation:
            found.append(Edit(path, value, change.at))
    return tuple(sorted(found, key=lambda edit: (edit.at, edit.path), reverse=True))


def leaves(spec: Any, prefix: str = "spec", depth: int = 0) -> Iterator[tuple[str, Json]]:  # noqa: ANN401  # JSON
    """(path, value) of each leaf; a list is one value, as nothing says what tells its elements."""
    if not isinstance(spec, Mapping) or depth >= DEEPEST or not spec:
        if depth:
            yield prefix, spec
        return
    for index, key in enumerate(sorted(map(str, spec))):
        if index >= MOST:
            return
        name = f".{key}" if key.replace("_", "a").isalnum() else quoted(key)
        yield from leaves(spec.get(key), f"{prefix}{name}", depth + 1)


def was_acted_on(graph: Graph, edit: Edit, child: KubeObject) -> bool:
    """The child was made or changed right after the edit."""
    times = [child.metadata.creation_timestamp]
    if isinstance(child, Workload):
        change = last_change(child, "spec")
        times.append(change.at if change else None)
        times.extend(pod.metadata.creation_timestamp for pod in graph.pods_of(child))
    latest = edit.at + timedelta(seconds=FOLLOWS_S)
    return any(time is not None and edit.at - EARLIER <= time <= latest for time in times)


def shows_in(edit: Edit, child: KubeObject, pods: tuple[Pod, ...]) -> bool:
    """The very value stands in what was made from it, and says something by itself."""
    value = edit.value
    if isinstance(value, bool) or value is None or value in ("", 0, 1):
        return False
    return any(_holds(read(item, "spec"), value) for item in (child, *pods[:1]))


def is_named_in(edit: Edit, texts: tuple[str, ...]) -> bool:
    """What failed quotes the value, or a part of it that says something by itself."""
    return any(part in text for part in _telling(edit.value) for text in texts)


def is_refused_in(edit: Edit, why: str) -> bool:
    """The API server names this field and its value in what was made from it.

    In the object made the field may stand elsewhere, so its own name counts.
    """
    name, value = re.escape(str(segments(edit.path)[-1])), re.escape(as_text(edit.value))
    patterns = (rf"(?<![\w-]){name}(?![\w-])", rf"(?<![\w.-]){value}(?![\w-]|\.\d)")
    return is_named_in(edit, (why,)) or all(re.search(pattern, why) for pattern in patterns)


def _telling(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _telling(item)
    elif isinstance(value, list):
        for item in value:
            yield from _telling(item)
    elif isinstance(value, str) and len(value) >= SHORTEST:
        yield value
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= SMALLEST:
        yield str(value)


def _holds(node: Json, value: Json) -> bool:
    if node is ABSENT:
        return False
    if node == value and type(node) is type(value):
        return True
    if isinstance(node, Mapping):
        return any(_holds(item, value) for item in node.values())
    if isinstance(node, list):
        if isinstance(value, list) and value and all(item in node for item in value):
            return True
        return any(_holds(item, value) for item in node)
    return False
