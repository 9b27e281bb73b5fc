"""Fields that no document may change: identity, status, finalizers, and what the server keeps."""

from __future__ import annotations

from stratus_cli.actions.base import Item
from stratus_cli.kube.diff import diff
from stratus_cli.model.plan import Refusal

NEVER = {
    "metadata.finalizers": "finalizers are never removed or set here",
    "spec.finalizers": "finalizers are never removed or set here",
    "metadata.ownerReferences": "owners are not changed here",
    "metadata.managedFields": "managed fields are the server's",
    "metadata.resourceVersion": "the version is the server's",
    **dict.fromkeys(
        (
            "apiVersion",
            "kind",
            "status",
            "metadata.name",
            "metadata.generateName",
            "metadata.namespace",
            "metadata.uid",
            "metadata.creationTimestamp",
            "metadata.deletionTimestamp",
        ),
        "it cannot be changed by a patch",
    ),
}


def forbidden(before: Item, after: Item) -> Refusal | None:
    """The first edit that nobody may make, as a reason to refuse."""
    for edit in diff(before, after):
        path = edit.path
        if path == "metadata":
            return Refusal("patch", "metadata: an object cannot be without it")
        for prefix, reason in NEVER.items():
            if path == prefix or path.startswith((f"{prefix}.", f"{prefix}[")):
                return Refusal("patch", f"{path}: {reason}")
    return None
