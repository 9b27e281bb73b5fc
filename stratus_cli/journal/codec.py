"""Journal records to JSON and back. Names on disk are frozen: fields may be added, nothing renamed.

A record is the fields of its class in model.entry, plus `type`. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

import msgspec

from stratus_cli.model.entry import (
    Accepted,
    Baseline,
    Begin,
    Done,
    End,
    Entry,
    Failed,
    Intent,
    Judged,
)

Record = dict[str, Any]

# NOTE: these names are on people's disks for years.
NAMES: Mapping[str, type[Entry]] = {
    "begin": Begin,
    "baseline": Baseline,
    "intent": Intent,
    "done": Done,
    "failed": Failed,
    "judged": Judged,
    "end": End,
    "accepted": Accepted,
}
_NAME_OF = {kind: name for name, kind in NAMES.items()}

# Free text, where a credential may have been typed or answered.
_TEXTS = ("title", "kubectl", "error", "why", "reasons", "unrestored")
_OBJECTS = ("before", "after", "answer", "plan")


# Fields added since the format was frozen: written only where they say something.
_ADDED = ("owners",)


class UnknownRecord(ValueError):
    """A record that this version cannot read. The message says why."""


class Masks(Protocol):
    """What the journal needs of kube.redact.Redactor."""

    def item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """A masked deep copy."""


def to_record(entry: Entry) -> Record:
    """The entry as plain JSON values."""
    record: Record = {"type": _NAME_OF[type(entry)]}
    for field in dataclasses.fields(entry):
        value = getattr(entry, field.name)
        if value or field.name not in _ADDED:
            record[field.name] = _plain(value)
    return record


def masked(record: Record, redactor: Masks) -> Record:
    """The record without credentials: objects, plans and free text go through the redactor."""
    kept = dict(record)
    for key in _OBJECTS:
        if isinstance(kept.get(key), dict):
            kept[key] = redactor.item(kept[key])
    for key in _TEXTS:
        if kept.get(key):
            kept[key] = redactor.item({key: kept[key]})[key]
    return kept


def to_entry(record: Mapping[str, Any]) -> Entry:
    """The entry of a record. Extra fields are ignored. UnknownRecord: of no known form."""
    name = record.get("type")
    kind = NAMES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UnknownRecord(f"a record of the unknown type {name!r}, made by a newer version")
    try:
        return msgspec.convert(dict(record), kind)
    except msgspec.ValidationError as error:
        raise UnknownRecord(f"a record of type {name} that cannot be read: {error}") from error


def moment(at: datetime) -> str:
    """RFC 3339 in UTC; a time without zone is taken for UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON
    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return moment(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    return str(value)
