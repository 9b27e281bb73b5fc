"""Who else decides a field that an action sets: autoscalers, and the controller of a ReplicaSet."""

from __future__ import annotations

from stratus_cli.actions.base import Item, Reader
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

SCALABLE = ("Deployment", "StatefulSet", "ReplicaSet")


def decided_elsewhere(item: Item, paths: list[str], ref: Ref, read: Reader) -> Refusal | None:
    """Whether somebody else sets one of these fields."""
    if "spec.replicas" in paths and ref.kind in SCALABLE:
        refusal = scaled_by(read, ref)
        if refusal is not None:
            return refusal
    return made_by(item, ref) if any(path.startswith("spec") for path in paths) else None


def scaled_by(read: Reader, ref: Ref) -> Refusal | None:
    """The HorizontalPodAutoscaler that sets the replicas, as a reason to refuse."""
    for item in read.list("HorizontalPodAutoscaler", ref.namespace):
        spec = item.get("spec")
        aim = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
        if not isinstance(aim, dict):
            continue
        if (aim.get("kind"), aim.get("name")) == (ref.kind, ref.name):
            owner = f"HorizontalPodAutoscaler {item['metadata']['name']}"
            return Refusal(
                "owner", f"{owner} sets the replicas of {ref}", f"change {owner} instead"
            )
    return None


def made_by(item: Item, ref: Ref) -> Refusal | None:
    """A ReplicaSet's Deployment would put back what is changed in its spec."""
    if ref.kind != "ReplicaSet":
        return None
    for owner in item["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            name = f"{owner.get('kind')} {owner.get('name')}"
            return Refusal("owner", f"{ref} belongs to {name}", f"change {name} instead")
    return None
