"""Change one field inside a ConfigMap value that is a JSON or YAML document. Reversible.

Written as a JSON patch whose path goes on inside the value after a `#`:

    kubectl patch configmap/geo --type=json
      -p '[{"op":"replace","path":"/data/config.json#/database/port","value":27017}]'

Keys of a ConfigMap have no `#`, so nothing else can be meant. What is sent is a merge patch whose
value differs in that field only: comments and formatting stay, byte for byte. An undo touches the
field and nothing else of the document.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, target, update
from stratus_cli.actions.whole import whole
from stratus_cli.kube.diff import same_value
from stratus_cli.kube.document import parsed, value_in, with_value_in
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

PREFIX = "/data/"


@dataclass(frozen=True)
class FieldOperation:
    """op: "replace", or "test" that the value is so. key: of data. pointer: inside its value."""

    op: str
    key: str
    pointer: str
    value: Json


@dataclass(frozen=True)
class DocumentField:
    """The ConfigMap, and what is done inside its values, in order."""

    KIND: ClassVar[str] = "document-field"
    ref: Ref
    operations: tuple[FieldOperation, ...]

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the values that hold the fields."""
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        after = copy.deepcopy(before)
        for operation in self.operations:
            refusal = self._make(after, operation)
            if refusal is not None:
                return refusal
        keys = dict.fromkeys(operation.key for operation in self.operations)
        patch = {"data": {key: after["data"][key] for key in keys}}
        words = ("patch", target(self.ref), "--type=merge", "-p", _text(patch))
        return update(before, after, self.ref, line(*words, ref=self.ref))

    def _make(self, item: Item, operation: FieldOperation) -> Refusal | None:
        data = item.get("data")
        text = data.get(operation.key) if isinstance(data, dict) else None
        where = f"{operation.key} of {self.ref}"
        if not isinstance(data, dict) or not isinstance(text, str):
            return Refusal("document", f"there is no {where}", "look at its keys")
        try:
            parsed(text)
            found = value_in(text, operation.pointer)
            if found is ABSENT:
                return Refusal("document", f"{where} has nothing at {operation.pointer}")
            if operation.op == "test":
                if same_value(found, operation.value):
                    return None
                return Refusal("document", f"the test of {operation.pointer} in {where} failed")
            data[operation.key] = with_value_in(text, operation.pointer, operation.value)
        except ValueError as error:
            return Refusal("document", f"{where}: {error}", "patch the whole value instead")
        return None


def fields_named(ref: Ref, patch: object) -> tuple[FieldOperation, ...] | Refusal | None:
    """The operations of a JSON patch on fields inside values; None when it names no such field."""
    if ref.kind != "ConfigMap" or not isinstance(patch, list) or not any(map(_is_inside, patch)):
        return None
    return _operations(patch)


def _operations(patch: Sequence[Any]) -> tuple[FieldOperation, ...] | Refusal:
    found = []
    for operation in patch:
        if not _is_inside(operation):
            return Refusal("document", "either all operations are inside values, or none")
        key, _, pointer = operation["path"].removeprefix(PREFIX).partition("#")
        if not operation["path"].startswith(PREFIX) or not pointer.startswith("/"):
            return Refusal(
                "document",
                f"{operation['path']!r} is no field of a value",
                "write /data/KEY#/FIELD",
            )
        if operation.get("op") not in ("replace", "test") or "value" not in operation:
            return Refusal(
                "document",
                f"{operation.get('op')!r}: inside a value only replace and test are taken",
                "patch the whole value instead",
            )
        key = key.replace("~1", "/").replace("~0", "~")
        found.append(FieldOperation(operation["op"], key, pointer, operation["value"]))
    return tuple(found)


def _is_inside(operation: object) -> bool:
    path = operation.get("path") if isinstance(operation, Mapping) else None
    return isinstance(path, str) and "#" in path


def _text(patch: object) -> str:
    return json.dumps(patch, separators=(",", ":"), ensure_ascii=False)
