"""The redactor: credentials become keyed digests, in text, in objects and in pages of lists.

One place, used where data comes in, so that live view, recording, report, journal and agents see
the same text. A masked value reads «secret:0123456789ab»; the same value under the same key has
the same mask, so that a change of a secret shows and its value does not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from stratus_cli.kube import credentials
from stratus_cli.kube.listing import Page
from stratus_cli.kube.scan import suspicious

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_MASK = re.compile(credentials.MASK)
_LABELS = frozenset({"labels", "matchLabels", "selector", "nodeSelector"})
_SECRET_MAPS = frozenset({"data", "stringData"})
_UNTOUCHED = frozenset({"managedFields"})  # names of fields, never their values
_DEEPEST = 100
_TOO_DEEP = "(nested too deeply)"
_SHORT = 256
_TOKEN_LENGTH = 16
_REMEMBERED = 20_000


class Redactor:
    """Masks with one key. Idempotent and deterministic; never raises on strange data."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, str] = {}

    def digest(self, value: str) -> str:
        """64 hex digits that tell equal values without telling the value."""
        data = value.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()

    def seal(self, value: str) -> str:
        """The mask of a value that is a credential whatever it looks like."""
        return self._mask(value, always=True)

    def text(self, text: str) -> str:
        """The text with credentials masked."""
        if credentials.TRIGGER.search(text) is None:
            return text
        masked = credentials.PEM.sub(self._whole, text)
        masked = credentials.USERINFO.sub(self._userinfo, masked)
        masked = credentials.DSN.sub(self._value, masked)
        masked = credentials.SCHEME.sub(self._scheme, masked)
        masked = credentials.LINE.sub(self._line, masked)
        masked = credentials.PAIR.sub(self._pair, masked)
        masked = credentials.FLAG.sub(self._named, masked)
        return credentials.SHAPE.sub(self._whole, masked)

    def item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """A masked deep copy of a raw Kubernetes object. Secrets lose last-applied as well."""
        masked: dict[str, Any] = self._walk(dict(item), _DEEPEST)
        if item.get("kind") == "Secret":
            for key in _SECRET_MAPS & masked.keys():
                masked[key] = self._secret_map(masked[key], item[key])
            annotations = (masked.get("metadata") or {}).get("annotations")
            if isinstance(annotations, dict):
                # A sealed one (kube.seals) tells nothing, and is needed to see that it stays.
                if not _MASK.fullmatch(str(annotations.get(LAST_APPLIED))):
                    annotations.pop(LAST_APPLIED, None)
        return masked

    def masks(self, item: Mapping[str, Any]) -> bool:
        """Whether `item` would change this object."""
        return self.item(item) != item

    def page(self, data: bytes, page: Page) -> bytes:
        """A List document, masked. page: the same, decoded.

        Items that cannot hold a credential are passed on as they are, unparsed.
        """
        found = suspicious(data)
        if not found:
            return data
        items = [
            self._raw(bytes(raw))
            if any(pattern.search(bytes(raw).lower()) for pattern in found)
            else bytes(raw)
            for raw in page.items or ()
        ]
        head = msgspec.json.encode({"kind": page.kind, "metadata": page.metadata})
        return head[:-1] + b',"items":[' + b",".join(items) + b"]}"

    def _raw(self, raw: bytes) -> bytes:
        item = msgspec.json.decode(raw)
        return msgspec.json.encode(self.item(item)) if isinstance(item, dict) else raw

    def _walk(self, node: Any, deepest: int) -> Any:  # noqa: ANN401  # JSON
        if isinstance(node, str):
            return self._string(node)
        if isinstance(node, dict):
            if not deepest:
                return _TOO_DEEP
            return self._mapping(node, deepest - 1)
        if isinstance(node, list):
            if not deepest:
                return _TOO_DEEP
            return self._list(node, deepest - 1)
        return node

    def _mapping(self, node: dict[str, Any], deepest: int) -> dict[str, Any]:
        masked: dict[str, Any] = {}
        for key, value in node.items():
            if isinstance(value, str):
                is_name = credentials.is_credential_name(key)
                masked[key] = self._mask(value) if is_name else self._string(value)
            elif not isinstance(value, dict | list) or key in _UNTOUCHED:
                masked[key] = value
            elif key in _LABELS and isinstance(value, dict):
                masked[key] = self._labels(value, deepest)
            else:
                masked[key] = self._walk(value, deepest)
        name, value = node.get("name"), node.get("value")
        if isinstance(name, str) and isinstance(value, str):
            if credentials.is_credential_name(name):
                masked["value"] = self._mask(value)
        return masked

    def _labels(self, node: dict[str, Any], deepest: int) -> dict[str, Any]:
        """Labels select: their values stay, whatever their keys are called."""
        return {
            key: self.text(value) if isinstance(value, str) else self._walk(value, deepest)
            for key, value in node.items()
        }

    def _list(self, node: list[Any], deepest: int) -> list[Any]:
        masked = [self._walk(element, deepest) for element in node]
        for index in range(len(node) - 1):
            flag, value = node[index], node[index + 1]
            if isinstance(flag, str) and flag.startswith("--") and isinstance(value, str):
                match = None if value.startswith("-") else credentials.FLAG_WORD.match(flag)
                if match and not credentials.is_about(match["name"]):
                    masked[index + 1] = self._mask(value)
        return masked

    def _string(self, text: str) -> str:
        """A list of pods repeats the same few strings."""
        known = self._known.get(text)
        if known is None:
            known = self._masked_string(text)
            if len(text) <= _SHORT:
                if len(self._known) >= _REMEMBERED:
                    self._known = {}
                self._known[text] = known
        return known

    def _masked_string(self, text: str) -> str:
        """A string that is itself JSON (last-applied, files of ConfigMaps) is walked as JSON."""
        if text[:1] in ("{", "[") and text.rstrip()[-1:] in ("}", "]"):
            try:
                inner = json.loads(text)
                masked = self._walk(inner, _DEEPEST)
            except (ValueError, RecursionError):
                return self.text(text)
            if masked == inner:
                return text
            ending = "\n" if text.endswith("\n") else ""
            written = json.dumps(masked, separators=(",", ":"), ensure_ascii=False) + ending
            # A lone surrogate, which JSON can write and UTF-8 cannot.
            return written.encode("utf-8", "backslashreplace").decode()
        return self.text(text)

    def _secret_map(self, masked: Any, values: Any) -> Any:  # noqa: ANN401  # JSON
        if not isinstance(values, dict):
            return masked
        return {
            key: self._mask(value, always=True) if isinstance(value, str) else masked[key]
            for key, value in values.items()
        }

    def _mask(self, value: str, *, always: bool = False) -> str:
        if _MASK.fullmatch(value) or (credentials.is_plain(value) and not always):
            return value
        return f"«secret:{self.digest(value)[:12]}»"

    def _whole(self, match: re.Match[str]) -> str:
        return self._mask(match[0])

    def _value(self, match: re.Match[str]) -> str:
        return _replaced(match, "value", self._mask)

    def _named(self, match: re.Match[str]) -> str:
        return match[0] if credentials.is_about(match["name"]) else self._value(match)

    def _scheme(self, match: re.Match[str]) -> str:
        return self._value(match) if credentials.looks_random(match["value"]) else match[0]

    def _userinfo(self, match: re.Match[str]) -> str:
        if match["password"]:
            return _replaced(match, "password", lambda text: ":" + self._mask(text[1:]))
        # A user alone is a name ("git"), unless it is as long as a token.
        if len(match["user"]) < _TOKEN_LENGTH:
            return match[0]
        return _replaced(match, "user", self._mask)

    def _line(self, match: re.Match[str]) -> str:
        name = match[0][: match.start("value") - match.start()].strip().rstrip(":").strip()
        return self._value(match) if credentials.is_credential_name(name) else match[0]

    def _pair(self, match: re.Match[str]) -> str:
        if credentials.is_about(match["name"]):
            return match[0]
        if match["quoted"] is not None:
            return _replaced(match, "quoted", self._mask)
        bare: str = match["bare"]
        if ":" in match["sep"] and (bare[0] in "{[" or _is_prose(match)):
            return match[0]
        return _replaced(match, "bare", self._mask)


class Eraser(Redactor):
    """Masks that tell nothing, not even which values are equal: for what nobody compares."""

    def __init__(self) -> None:
        super().__init__(b"")

    def digest(self, value: str) -> str:
        """The same for every value."""
        return "0" * 64


def _replaced(match: re.Match[str], group: str, change: Callable[[str], str]) -> str:
    """The matched text with one group changed."""
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return match[0][:start] + change(match[group]) + match[0][end:]


def _is_prose(match: re.Match[str]) -> bool:
    """ "token: unexpected status ...": a plain word after a colon, and the sentence goes on."""
    if not match["bare"].isalpha() or not match["sep"].endswith((" ", "\t")):
        return False
    return re.match(r"[ \t]+\S", match.string[match.end() : match.end() + 3]) is not None
