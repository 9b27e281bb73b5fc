"""Who changed which field when, as far as the API server remembers it.

managedFields hold one time per manager: that of its last change to any field it owns. So a time
from here is "not before": the field may be older, never younger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from stratus_cli.kube.fields import Segment, segments
from stratus_cli.model.objects import KubeObject, ManagedFieldsEntry

SAME_MOMENT = timedelta(seconds=2)
"""Times in managedFields are cut to seconds; a create and its defaulting are one act."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """The last change of a field. at_creation: it has been so since the object was made."""

    at: datetime
    manager: str
    operation: str
    at_creation: bool

    def __str__(self) -> str:
        when = "at creation" if self.at_creation else f"at {self.at:%Y-%m-%d %H:%M:%S}Z"
        return f"set by {self.manager or 'an unknown manager'} {when}"


def last_change(item: KubeObject, path: str) -> FieldChange | None:
    """The newest manager entry that owns the field, or None where nothing is recorded."""
    try:
        wanted = segments(path)
    except ValueError:  # of a name that no API server takes; see fields.read
        return None
    entries: tuple[ManagedFieldsEntry, ...] = getattr(item.metadata, "managed_fields", ())
    owners = [entry for entry in entries if entry.time is not None and _owns(entry, wanted)]
    if not owners:
        return None
    newest = max(owners, key=lambda entry: (entry.time, entry.manager))
    created = item.metadata.creation_timestamp
    assert newest.time is not None  # filtered above
    return FieldChange(
        newest.time,
        newest.manager,
        newest.operation,
        created is not None and newest.time - created <= SAME_MOMENT,
    )


def _owns(entry: ManagedFieldsEntry, wanted: tuple[Segment, ...]) -> bool:
    try:
        node: Any = msgspec.json.decode(entry.fields_v1)
    except msgspec.DecodeError:
        return False
    for segment in wanted:
        if not isinstance(node, Mapping):
            return False
        if not node:
            return True  # an atomic field is owned as a whole: {"f:selector": {}}
        _, node = below(node, segment)
    return node is not None


def below(node: Mapping[str, Any], segment: Segment) -> tuple[str, Any]:
    """(key in FieldsV1, what is below it or None) of one part of a field path."""
    if not isinstance(segment, Mapping):
        key = f"f:{segment}" if isinstance(segment, str) else f"i:{segment}"
        return key, node.get(key)
    for key, found in node.items():
        if key.startswith("k:") and _same_keys(key[2:], segment):
            return key, found
    return "", None


def _same_keys(text: str, wanted: Mapping[str, str]) -> bool:
    try:
        keys = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    if not isinstance(keys, dict):
        return False
    return all(str(keys.get(name)) == value for name, value in wanted.items())
