"""Manifests as values: what a person applied, what can be made again, what must not be written.

Pure; whole objects as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.states import with_protocols
from stratus_cli.model.change import Json
from stratus_cli.model.objects import KubeObject

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MASK = "«secret:"
"""How kube.redact marks a value that was taken out."""


def applied_manifest(item: KubeObject) -> dict[str, Any] | None:
    """The last-applied annotation as JSON, or None when it is missing or unreadable."""
    text = item.metadata.annotations.get(LAST_APPLIED)
    if not text:
        return None
    try:
        manifest = json.loads(text)
    except ValueError:
        return None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("metadata"), dict):
        return None
    return dict(with_protocols(manifest))


def creatable(item: Mapping[str, Any]) -> dict[str, Any]:
    """The object without what the server gives it, so that it can be made again."""
    made = normal_form(item)
    meta = made.get("metadata")
    if isinstance(meta, dict):
        annotations = meta.get("annotations")
        if isinstance(annotations, dict):
            annotations.pop(LAST_APPLIED, None)
            if not annotations:
                meta.pop("annotations")
        # The owner is gone or another one by now; a finalizer's controller adds its own again.
        for name in ("ownerReferences", "finalizers"):
            meta.pop(name, None)
    spec = made.get("spec")
    if made.get("kind") == "Service" and isinstance(spec, dict):
        if spec.get("clusterIP") != "None":
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
    return made


def in_namespace(manifest: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The manifest, placed there."""
    meta = manifest.get("metadata")
    meta = dict(meta) if isinstance(meta, Mapping) else {}
    if namespace:
        meta["namespace"] = namespace
    return {**manifest, "metadata": meta}


def is_masked(value: Json) -> bool:
    """Whether a credential was taken out of it: writing that back would destroy it."""
    return MASK in msgspec.json.encode(value).decode()
