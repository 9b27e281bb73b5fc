"""The whole JSON of an observed object, whatever its Struct leaves out.

Falls back to what the Struct holds where the snapshot keeps no JSON of it (Pods, Nodes).
"""

from __future__ import annotations

from typing import Any

import msgspec

from stratus_cli.kube.fields import plain, read
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.snapshot import Snapshot


def as_json(snap: Snapshot, item: KubeObject) -> dict[str, Any]:
    """A fresh copy that the caller may change, with kind and apiVersion."""
    head = {"apiVersion": item.API_VERSION, "kind": item.KIND}
    raw = snap.originals.get((item.KIND, item.metadata.namespace, item.metadata.name))
    made = _decoded(raw) if raw is not None else None
    if made is None:
        made = plain(item)
        # A Struct of metadata leaves out what it does not know; names are always there.
        meta = made.setdefault("metadata", {})
        meta.setdefault("name", item.metadata.name)
    return {**head, **made}


def read_whole(snap: Snapshot, item: KubeObject, path: str) -> Json:
    """One field of an object, also one that its Struct does not have. ValueError: not a path."""
    value = read(item, path)
    if value is not ABSENT:
        return value
    raw = snap.originals.get((item.KIND, item.metadata.namespace, item.metadata.name))
    made = _decoded(raw) if raw is not None else None
    return read(made, path) if made is not None else ABSENT


def _decoded(raw: bytes) -> dict[str, Any] | None:
    try:
        made = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return made if isinstance(made, dict) else None
