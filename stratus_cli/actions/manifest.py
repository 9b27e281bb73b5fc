"""Which manifests may become objects, and as what."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from stratus_cli.actions.base import Item, Prepared, line
from stratus_cli.actions.whole import misshapen
from stratus_cli.kube.normal import SERVER_METADATA
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.change import Change
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NEVER = {
    "Secret": "Secrets are not written",
    "Pod": "a bare pod is nobody's",
    "Namespace": "deleting it again would take everything in it",
    "Event": "events are the cluster's own",
    "Lease": "leases are locks",
    "Node": "nodes join by themselves",
    "CustomResourceDefinition": "deleting it again would take every object of its kind",
    "PersistentVolumeClaim": "taking a claim back would delete what was stored meanwhile",
    "PersistentVolume": "taking a volume back may delete what was stored meanwhile",
}
SERVERS = (*SERVER_METADATA, "deletionTimestamp", "deletionGracePeriodSeconds")


def creatable(ref: Ref, manifest: Mapping[str, Any]) -> Item | Refusal:
    """The manifest as an object of this ref, without what only the server writes."""
    if ref.kind in NEVER:
        return Refusal("kind", f"{NEVER[ref.kind]} here", "do it by hand")
    made = copy.deepcopy(dict(manifest))
    wrong = misshapen(made, ref.kind)
    if wrong:
        return Refusal("shape", f"{wrong} of the manifest is not what the API says it is")
    made.pop("status", None)
    meta = made["metadata"]
    for name in SERVERS:
        meta.pop(name, None)
    if meta.get("finalizers"):
        return Refusal("finalizers", f"{ref} with finalizers could not be taken back")
    if meta.get("ownerReferences"):
        # Garbage collection deletes what names an owner that is gone.
        return Refusal("owner", f"the manifest of {ref} names an owner", "leave it out")
    if ref.namespace:
        meta["namespace"] = ref.namespace
    return made


def created(ref: Ref, made: Item, kubectl: str) -> tuple[Prepared, ...]:
    """One creation."""
    return (Prepared(Change(ref, None, made), kubectl, ()),)


def shown(verb: str, ref: Ref, manifest: Mapping[str, Any]) -> str:
    """The line that makes it by hand, which the grammar reads back. Credentials are left out."""
    if Redactor(b"").masks(dict(manifest)):  # only whether it masks is asked
        return line(verb, "-f", "-", ref=ref)
    text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)
    return line(verb, "-f", text, ref=ref)
