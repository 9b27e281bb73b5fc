"""The normal form of an object: what a person or a tool set, without what the server keeps.

"Equal" in DESIGN.md rests on this: what it leaves out is never a difference, what it keeps always.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from stratus_cli.kube.diff import diff
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT, FieldEdit, Json

SERVER_METADATA = (
    "resourceVersion",
    "generation",
    "managedFields",
    "creationTimestamp",
    "selfLink",
    "uid",
)
REVISION = "deployment.kubernetes.io/revision"
NUMBERS = (REVISION, "deprecated.daemonset.template.generation")
"""Annotations by which the server counts templates; whatever a client writes there is ignored."""


def normal_form(item: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy without status, the server's metadata and the numbers of rollouts."""
    made = copy.deepcopy({key: value for key, value in item.items() if key != "status"})
    meta = made.get("metadata")
    if isinstance(meta, dict):
        for name in SERVER_METADATA:
            meta.pop(name, None)
        annotations = meta.get("annotations")
        if isinstance(annotations, dict):
            for name in NUMBERS:
                annotations.pop(name, None)
        if not annotations:
            meta.pop("annotations", None)
    return made


def digest(item: Mapping[str, Any]) -> str:
    """sha256 of the normal form, in hex."""
    return _hash(normal_form(item))


def fields_digest(item: Mapping[str, Any], paths: Iterable[str]) -> str:
    """sha256 over the values of these fields, in hex; an absent field counts as such."""
    values = []
    for path in sorted(set(paths)):
        value = value_at(item, path)
        values.append([path] if value is ABSENT else [path, value])
    return _hash(values)


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether the normal forms are equal."""
    return not differences(left, right)


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[FieldEdit, ...]:
    """What is not as expected. before: expected; after: found."""
    return diff(normal_form(expected), normal_form(found))


def _hash(value: Json) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
