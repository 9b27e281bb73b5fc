"""The pre-image of a Secret: the values that a change takes away, in a Secret of ours beside it.

Pure, on sealed Secrets (kube.seals). It holds only the keys whose values would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_cli.kube.seals import DATA, seals_of
from stratus_cli.model.change import Change
from stratus_cli.model.ref import Ref

Item = dict[str, Any]

PREFIX = "stratus-pre-"
PLANNED = f"{PREFIX}tx"
"""Its name in a plan, until there is a transaction whose id it gets."""
LABELS = {
    "app.kubernetes.io/managed-by": "stratus",
    "app.kubernetes.io/component": "pre-image",
}
OF = "stratus/pre-image-of"
"""Annotation: the name of the Secret whose values it holds."""


def lost(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, str]:
    """Keys of a Secret whose values a change overwrites or removes, with what is there before."""
    old, new = ((side or {}).get(DATA) or {} for side in (before, after))
    return {key: seal for key, seal in old.items() if new.get(key) != seal}


def given_values(change: Change) -> tuple[str, ...]:
    """Keys of a Secret that would get a value which the Secret does not hold under any key now."""
    before, after = change.before, change.after
    if change.ref.kind != "Secret" or before is None or after is None:
        return ()
    here = seals_of(before)
    return tuple(key for key, seal in (after.get(DATA) or {}).items() if seal not in here)


def made_of(secret: Ref, name: str, data: Mapping[str, str]) -> Item:
    """The pre-image as it is created."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": secret.namespace,
            "labels": dict(LABELS),
            "annotations": {OF: secret.name},
        },
        "type": "Opaque",
        "immutable": True,
        DATA: dict(data),
    }


def is_pre_image(item: Mapping[str, Any] | None) -> bool:
    """Whether an object is one of ours."""
    if item is None or item.get("kind") != "Secret":
        return False
    meta = item.get("metadata") or {}
    labels = meta.get("labels") or {}
    is_labelled = all(labels.get(name) == value for name, value in LABELS.items())
    return is_labelled and str(meta.get("name", "")).startswith(PREFIX)


def secret_of(ref: Ref, item: Mapping[str, Any]) -> Ref:
    """The Secret whose values a pre-image holds. ref: of the pre-image."""
    notes = (item.get("metadata") or {}).get("annotations") or {}
    return Ref("Secret", ref.namespace, str(notes.get(OF, "")), "v1")
