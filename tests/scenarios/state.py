"""What was asked of a namespace, to be compared before and after: the tests' own equality.

Everything that people and controllers write as wishes counts; what the API server and the
controllers report does not. It shares no code with what it judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.scenarios.wellness import Item, Items

KINDS = ("ConfigMap", "Deployment", "ResourceQuota", "Secret", "Service", "ServiceAccount")
WISHES = ("spec", "data", "binaryData", "type")
REVISION = "deployment.kubernetes.io/revision"  # the controller's number; an undo raises it


@dataclass(frozen=True, repr=False)
class State:
    """wishes: by "Kind/name". templates: each pod template of each rollout history."""

    wishes: dict[str, Item]
    templates: frozenset[str]

    @classmethod
    def of(cls, items: Items) -> State:
        """Read a namespace."""
        found = {
            f"{kind}/{item['metadata']['name']}": wishes(item)
            for kind in KINDS
            for item in items(kind)
        }
        templates = frozenset(
            f"{owner['name']} {json.dumps(item['spec']['template'], sort_keys=True)}"
            for item in items("ReplicaSet")
            for owner in item["metadata"].get("ownerReferences") or ()
        )
        return cls(found, templates)


def wishes(item: Item) -> Item:
    """What is asked of one object."""
    meta = item["metadata"]
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != REVISION}
    return {
        "labels": meta.get("labels") or {},
        "annotations": annotations,
        "finalizers": meta.get("finalizers") or [],
        **{key: item[key] for key in WISHES if key in item},
    }


def wish_differences(before: State, after: State) -> list[str]:
    """What is not wished as before, whatever the history of it. [] when all is."""
    return [*_differences("", before.wishes, after.wishes)]


def differences(before: State, after: State) -> list[str]:
    """What is not as before; templates may only have come. [] when all is."""
    found = wish_differences(before, after)
    found += [f"gone from the history: {item}" for item in before.templates - after.templates]
    return found


def _differences(path: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            missing = "(absent)"
            yield from _differences(
                f"{path}.{key}", before.get(key, missing), after.get(key, missing)
            )
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"
