"""Sealed Secrets: a value stands as its keyed digest everywhere but on its way to the API server.

An adapter seals each Secret that it reads by name and opens the seals of each that it writes. So
changes, plans, journal and reports hold digests, and equal values have equal ones. Values are kept
in this process only; a seal whose value was not seen here cannot be opened.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from stratus_cli.kube.credentials import MASK
from stratus_cli.kube.redact import LAST_APPLIED, Redactor
from stratus_cli.model.errors import ClusterAnswer, Invalid

Item = dict[str, Any]

DATA = "data"
TELLING = 4  # characters: a shorter value may stand in any sentence by chance
_SEAL = re.compile(MASK)


class Vault:
    """The values of one adapter, by seal."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._values: dict[str, str] = {}

    def seal(self, value: bytes) -> str:
        """Keep a value of a Secret's key; what stands for it."""
        return self._seal(base64.b64encode(value).decode())

    def sealed(self, item: Mapping[str, Any]) -> Item:
        """The Secret with seals for its values; `data` is there even when it is empty."""
        made = {name: value for name, value in item.items() if name not in (DATA, "stringData")}
        meta = dict(made["metadata"]) if isinstance(made.get("metadata"), dict) else {}
        notes = meta.get("annotations")
        if isinstance(notes, dict) and isinstance(notes.get(LAST_APPLIED), str):
            # It has the values in clear text, and must be there again after a write.
            meta["annotations"] = {**notes, LAST_APPLIED: self._seal(notes[LAST_APPLIED])}
        data = item.get(DATA)
        values = data if isinstance(data, dict) else {}
        seals = {str(key): self._seal(_text(value)) for key, value in values.items()}
        return {**made, "kind": "Secret", "metadata": meta, DATA: seals}

    def opened(self, item: Mapping[str, Any]) -> Item:
        """The Secret with its values. Invalid when one was not seen by this process."""
        meta = dict(item.get("metadata") or {})
        notes = meta.get("annotations")
        if isinstance(notes, Mapping):
            meta["annotations"] = {
                name: self._open(name, text, item) if name == LAST_APPLIED else text
                for name, text in notes.items()
            }
        made = {**item, "metadata": meta}
        if item.get(DATA):
            made[DATA] = {key: self._open(key, text, item) for key, text in item[DATA].items()}
        return made

    def quiet(self, error: ClusterAnswer) -> ClusterAnswer:
        """The error of a write without the server's words, should they hold a value."""
        if not any(value in error.what for value in self._telling()):
            return error
        what = f"the server refused it ({error.status} {error.reason}; its words hold a value)"
        return type(error)(error.status, error.reason, what, error.where, error.hint)

    def _seal(self, text: str) -> str:
        seal = self._redactor.seal(text)
        self._values[seal] = text
        return seal

    def _open(self, key: str, text: Any, item: Mapping[str, Any]) -> Any:  # noqa: ANN401  # JSON
        if not is_seal(text):
            return text
        if text not in self._values:
            meta = item.get("metadata") or {}
            raise Invalid(
                422,
                "Sealed",
                f"the value of {key} behind {text} is not known here",
                f"{meta.get('namespace', '')}/Secret/{meta.get('name', '')}",
                "Nothing was written.",
            )
        return self._values[text]

    def _telling(self) -> set[str]:
        found = set()
        for text in self._values.values():
            for words in (text, _decoded(text)):
                if len(words) >= TELLING:
                    found.add(words)
        return found


def is_seal(value: object) -> bool:
    """Whether a value is a seal, and nothing else."""
    return isinstance(value, str) and _SEAL.fullmatch(value) is not None


def is_sealed(item: Mapping[str, Any] | None) -> bool:
    """Whether every value of a Secret is a seal."""
    if item is None:
        return True
    data = item.get(DATA, {})
    return (
        isinstance(data, Mapping) and all(map(is_seal, data.values())) and "stringData" not in item
    )


def seals_of(item: Mapping[str, Any] | None) -> frozenset[str]:
    """The seals of a Secret's values."""
    data = (item or {}).get(DATA)
    return frozenset(filter(is_seal, data.values())) if isinstance(data, Mapping) else frozenset()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
