"""Create an object from a manifest. Reversible: it is deleted again, by its uid."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Prepared, Reader, line
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.change import Change
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

NEVER = {
    "Secret": "Secrets are not created",
    "Pod": "a bare pod is nobody's",
    "Namespace": "deleting it again would take everything in it",
    "Event": "events are the cluster's own",
    "Lease": "leases are locks",
}


@dataclass(frozen=True)
class CreateObject:
    """manifest: the whole object."""

    KIND: ClassVar[str] = "create-object"
    ref: Ref
    manifest: dict[str, Any]

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One creation."""
        if self.ref.kind in NEVER:
            return Refusal("kind", f"{NEVER[self.ref.kind]} here", "create it by hand")
        if read.get(self.ref) is not None:
            return Refusal("exists", f"{self.ref} is there already", "patch it instead")
        made = copy.deepcopy(self.manifest)
        made.pop("status", None)
        meta = made["metadata"]
        for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
            meta.pop(name, None)
        if meta.get("finalizers"):
            return Refusal(
                "finalizers", f"{self.ref} has finalizers, so it could not be taken back"
            )
        if BY_KIND[self.ref.kind].namespaced:
            meta["namespace"] = self.ref.namespace
        change = Change(self.ref, None, made)
        return (Prepared(change, line("create", "-f", "-", ref=self.ref), ()),)
