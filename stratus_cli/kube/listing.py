"""The form of a List document: its items left as they are, until somebody wants them.

Nothing about credentials is here, so that reading a recording, which holds none, need not load
their patterns.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Page(msgspec.Struct):
    """A List document whose items are left as they are."""

    kind: str = ""
    metadata: dict[str, Any] = {}
    items: list[msgspec.Raw] | None = None


class _Meta(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _Named(msgspec.Struct):
    metadata: _Meta = _Meta()


# Made on import: msgspec (0.22) prepares a Struct at its first use, and crashes the process when
# two threads do that at once.
_NAMED = msgspec.json.Decoder(_Named)


def name_of(raw: msgspec.Raw) -> tuple[str, str]:
    """Namespace and name of an item; empty where it has none. DecodeError when it is no object."""
    meta = _NAMED.decode(raw).metadata
    return (meta.namespace, meta.name)


def check_text(data: bytes) -> None:
    """UnicodeDecodeError when it is not UTF-8: what is passed on unparsed is not checked."""
    if not data.isascii():
        data.decode()
