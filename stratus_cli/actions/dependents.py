"""What goes with a deleted object, or would not come back with it: reasons to refuse a deletion."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.actions.base import Item, Reader
from stratus_cli.actions.owners import CONTROLLERS, MANAGED_BY
from stratus_cli.actions.whole import misshapen
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

DEPENDENTS = {
    "Deployment": ("ReplicaSet",),
    "ReplicaSet": ("Pod",),
    "StatefulSet": ("Pod",),
    "DaemonSet": ("Pod",),
    "Job": ("Pod",),
    "CronJob": ("Job",),
}
"""What the controllers of a kind make: looked at first."""
NEVER_OWNED = ("Event", "Lease")


def taken_along(item: Item, ref: Ref, read: Reader) -> Refusal | None:
    """What garbage collection would take with the object, or None.

    Of a cluster-scoped object only what is cluster-scoped too is looked at: all else would be a
    reading of the whole cluster.
    """
    uid = item["metadata"].get("uid")
    for kind in _kinds(ref):
        names = [
            str(found["metadata"].get("name"))
            for found in read.list(kind, ref.namespace)
            if not misshapen(found, "") and not _is_made_anew(found, ref)
            for owner in found["metadata"].get("ownerReferences") or ()
            if owner.get("uid") == uid
        ]
        if names:
            return Refusal(
                "dependents",
                f"deleting {ref} would take {kind} {', '.join(names[:3])} with it",
                "scale or change it instead",
            )
    return _of_service(item, ref, read) if ref.kind == "Service" else None


def _kinds(ref: Ref) -> Iterator[str]:
    made = DEPENDENTS.get(ref.kind, ())
    yield from made
    for kind, info in BY_KIND.items():
        # A pod is owned by what makes pods, of these kinds or of a custom one.
        is_spare = kind == "Pod" and ref.kind in BY_KIND
        if info.namespaced == bool(ref.namespace) and kind not in (*made, *NEVER_OWNED):
            if not is_spare:
                yield kind


def _is_made_anew(found: Item, owner: Ref) -> bool:
    """An EndpointSlice that follows its Service by its selector."""
    manager = (found["metadata"].get("labels") or {}).get(MANAGED_BY)
    return owner.kind == "Service" and manager in CONTROLLERS


def _of_service(item: Item, ref: Ref, read: Reader) -> Refusal | None:
    """Endpoints written by hand, and an address from outside, do not come back with a Service."""
    spec, status = item.get("spec") or {}, item.get("status")
    endpoints = Ref("Endpoints", ref.namespace, ref.name, "v1")
    if not spec.get("selector") and read.get(endpoints) is not None:
        reason = f"deleting {ref} would take Endpoints {ref.name} with it"
        return Refusal("dependents", reason, "change it instead")
    balancer = status.get("loadBalancer") if isinstance(status, dict) else None
    if isinstance(balancer, dict) and balancer.get("ingress"):
        reason = f"the address from outside of {ref} might not come back"
        return Refusal("irreversible", reason, "change it instead")
    return None
