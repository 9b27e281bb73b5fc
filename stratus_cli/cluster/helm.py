"""Helm's own records of its releases: Secrets of type helm.sh/release.v1, one per revision.

One of the three reads of Secret values that there are. Of a record only the manifests are kept,
without the Secrets among them and masked as everything else; chart and values are dropped at once.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from stratus_cli.kube.manifest_text import LONGEST, documents
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.release import Release

TYPE = "helm.sh/release.v1"
QUERY = {"labelSelector": "owner=helm", "fieldSelector": f"type={TYPE}"}
NEWEST = 3  # per release: the deployed one, and where that holds the fault, those before it
_GZIP = 16 + zlib.MAX_WBITS


def releases_in(items: Iterable[Mapping[str, Any]], redactor: Redactor) -> tuple[Release, ...]:
    """The newest records of each release, newest first; without those that cannot be read."""
    by_name: dict[str, list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
    for item in items:
        labels = (item.get("metadata") or {}).get("labels") or {}
        version = str(labels.get("version", ""))
        if item.get("type") == TYPE and version.isdecimal():
            by_name[str(labels.get("name", ""))].append((int(version), item))
    found: list[Release] = []
    for records in by_name.values():
        newest = sorted(records, key=lambda record: record[0], reverse=True)[:NEWEST]
        found.extend(
            release for _, item in newest if (release := _release(item, redactor)) is not None
        )
    return tuple(sorted(found, key=lambda item: (item.name, -item.revision)))


def _release(item: Mapping[str, Any], redactor: Redactor) -> Release | None:
    record = _record(item)
    if record is None:
        return None
    try:
        found = documents(str(record.get("manifest") or ""))
    except ValueError:
        return None
    meta = item.get("metadata") or {}
    info = record.get("info")
    info = info if isinstance(info, dict) else {}
    version = record.get("version")
    return Release(
        name=str(record.get("name", "")),
        namespace=str(meta.get("namespace", "")),
        revision=version if isinstance(version, int) else 0,
        status=str(info.get("status", "")),
        deployed_at=_time(info.get("last_deployed")),
        documents=tuple(redactor.item(part) for part in found if part.get("kind") != "Secret"),
    )


def _record(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """base64 of the API, base64 of Helm, gzip, JSON."""
    text = (item.get("data") or {}).get("release")
    try:
        inner = base64.b64decode(base64.b64decode(str(text), validate=True), validate=True)
        unpack = zlib.decompressobj(_GZIP)
        data = unpack.decompress(inner, LONGEST)
        record = json.loads(data) if not unpack.unconsumed_tail else None
    except (binascii.Error, ValueError, zlib.error, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _time(value: object) -> datetime | None:
    try:
        made = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return made if made.tzinfo is not None else None
