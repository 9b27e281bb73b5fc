"""One field put back as a whole, as a JSON patch (RFC 6902). For fields that are one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stratus_cli.kube.fields import segments


def put_whole(path: str, value: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # JSON
    """Operations that give the field this value; an empty one or None takes it out.

    ValueError for a path through a list, whose positions move. "add" also replaces (RFC 6902).
    """
    parts = segments(path)
    if not all(isinstance(part, str) for part in parts):
        raise ValueError(f"a path through a list: {path}")
    keys = [str(part).replace("~", "~0").replace("/", "~1") for part in parts]
    pointer = "/" + "/".join(keys)
    empty = value is None or (isinstance(value, str | Mapping | Sequence) and not value)
    if empty:
        return [{"op": "remove", "path": pointer}]
    return [{"op": "add", "path": pointer, "value": value}]
