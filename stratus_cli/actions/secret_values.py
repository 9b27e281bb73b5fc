"""The values in a patch of a Secret: each is sealed at once, or is a value that is there already.

What comes out is a patch of the same type that holds seals only, and so can be shown and kept.
No refusal repeats a value.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.actions.base import Item, Reader
from stratus_cli.kube.known_good import MASK
from stratus_cli.kube.paths import render_path
from stratus_cli.kube.seals import DATA, is_seal, seals_of
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

TEXTS = "stringData"
REFERENCE = "secretKeyRef"
KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")  # what the API allows (IsConfigMapKey)
POINTER = re.compile(r"/(data|stringData)(?:/([-._a-zA-Z0-9]{1,253}))?")

Json = Any


@dataclass(frozen=True)
class SealedPatch:
    """document: for kube.merge, over `data` alone. rests: paths whose values it copies."""

    document: Json
    rests: tuple[str, ...] = ()


class _Unfit(ValueError):
    """A value or operation that is not taken. The message has no value in it."""


def sealed_patch(
    document: Json, form: str, ref: Ref, before: Item, read: Reader
) -> SealedPatch | Refusal:
    """The patch with seals. form: "strategic", "merge" or "json". before: the sealed Secret."""
    sealing = _Sealing(ref, before, read)
    try:
        if form == "json":
            return sealing.operations(document)
        return SealedPatch({DATA: sealing.merged(document)})
    except _Unfit as error:
        return Refusal("secret", str(error))


@dataclass(frozen=True)
class _Sealing:
    ref: Ref
    before: Item
    read: Reader

    def merged(self, document: Json) -> dict[str, str | None]:
        """What is to be set, and None for what is to be removed."""
        if not isinstance(document, dict) or not document:
            raise _Unfit("the patch of a Secret is an object with data or stringData")
        if not document.keys() <= {DATA, TEXTS}:
            raise _Unfit("only data and stringData of a Secret are changed here")
        found: dict[str, str | None] = {}
        for name, value in self._entries(document, DATA):
            found[name] = None if value is None else self._encoded(name, value)
        for name, value in self._entries(document, TEXTS):
            found[name] = self._plain(name, value)
        return found

    def operations(self, document: Json) -> SealedPatch:
        """The same operations on `data`, their values sealed."""
        if not isinstance(document, list):
            raise _Unfit("a JSON patch is a list of operations")
        made: list[Item] = []
        rests: list[str] = []
        for operation in document:
            if not isinstance(operation, dict):
                raise _Unfit("an operation of a JSON patch is an object")
            made += self._operation(operation)
            if operation.get("op") in ("move", "copy"):
                rests.append(render_path((DATA, _key_of(operation.get("from")))))
        return SealedPatch(made, tuple(rests))

    def _operation(self, operation: Mapping[str, Json]) -> list[Item]:
        name = operation.get("op")
        field, key = _place(operation.get("path"))
        seal: Callable[[str, Json], str] = self._plain if field == TEXTS else self._encoded
        if name in ("move", "copy") and key and field == DATA:
            source = f"/{DATA}/{_key_of(operation.get('from'))}"
            return [{"op": name, "from": source, "path": f"/{DATA}/{key}"}]
        if name == "remove" and key and field == DATA:
            return [{"op": name, "path": f"/{DATA}/{key}"}]
        if name in ("add", "replace", "test") and key:
            value = seal(key, operation.get("value"))
            return [{"op": name, "path": f"/{DATA}/{key}", "value": value}]
        if name == "add" and field == TEXTS and isinstance(operation.get("value"), dict):
            entries = self._entries({TEXTS: operation["value"]}, TEXTS)
            return [
                {"op": "add", "path": f"/{DATA}/{key}", "value": self._plain(key, value)}
                for key, value in entries
            ]
        raise _Unfit("an operation on a Secret is about one of its keys")

    def _entries(self, document: Mapping[str, Json], name: str) -> list[tuple[str, Json]]:
        entries = document.get(name, {})
        if not isinstance(entries, dict):
            raise _Unfit(f"{name} of a Secret is changed key by key")
        if not all(KEY.fullmatch(key) for key in entries):
            raise _Unfit(f"a key in {name} is not what the API allows (letters, digits, - _ .)")
        return list(entries.items())

    def _plain(self, key: str, value: Json) -> str:
        if not isinstance(value, str):
            raise _Unfit(f"the new value of {key} is not a text")
        if MASK in value:
            raise _Unfit(f"{key} would get a masked value, not the one behind the mask")
        return self.read.seal(value.encode("utf-8", "surrogatepass"))

    def _encoded(self, key: str, value: Json) -> str:
        """base64, the seal of a value that this Secret has, or a secretKeyRef."""
        if isinstance(value, dict):
            return self._referred(key, value)
        if not isinstance(value, str):
            raise _Unfit(f"the new value of {key} is not a text")
        if is_seal(value) and value in seals_of(self.before):
            return value
        if MASK in value:
            raise _Unfit(f"{key} would get a masked value, not the one behind the mask")
        try:
            return self.read.seal(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            raise _Unfit(f"the new value of {key} is not base64; stringData takes text") from None

    def _referred(self, key: str, value: Mapping[str, Json]) -> str:
        """Another Secret of the namespace has it, named as in a pod's env."""
        source = value.get(REFERENCE)
        if value.keys() != {REFERENCE} or not isinstance(source, dict):
            raise _Unfit(f"the new value of {key} is neither a text nor a secretKeyRef")
        name, its = source.get("name"), source.get("key")
        if source.keys() != {"name", "key"} or not (isinstance(name, str) and isinstance(its, str)):
            raise _Unfit(f"the secretKeyRef for {key} needs name and key")
        other = self.read.get(Ref("Secret", self.ref.namespace, name, "v1"))
        seal = ((other or {}).get(DATA) or {}).get(its)
        if not is_seal(seal):
            raise _Unfit(f"there is no key {json.dumps(its)} in a Secret {json.dumps(name)}")
        return str(seal)


def _place(pointer: Json) -> tuple[str, str]:
    """(data or stringData, key or "")."""
    match = POINTER.fullmatch(pointer) if isinstance(pointer, str) else None
    if match is None:
        raise _Unfit("an operation on a Secret is about /data/KEY")
    return match[1], match[2] or ""


def _key_of(pointer: Json) -> str:
    field, key = _place(pointer)
    if field != DATA or not key:
        raise _Unfit("a value is moved or copied from /data/KEY")
    return key
