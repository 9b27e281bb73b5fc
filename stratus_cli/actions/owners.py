"""Who else decides a field that an action sets: autoscalers, and controllers of what they make."""

from __future__ import annotations

import re

from stratus_cli.actions.base import Item, Reader
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLERS = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"
"""Managers of EndpointSlices that write them anew (k8s.io/endpointslice)."""
SCALABLE = ("Deployment", "StatefulSet", "ReplicaSet")


def decided_elsewhere(item: Item, paths: list[str], ref: Ref, read: Reader) -> Refusal | None:
    """Whether somebody else sets one of these fields."""
    if "spec.replicas" in paths and ref.kind in SCALABLE:
        refusal = scaled_by(read, ref)
        if refusal is not None:
            return refusal
    if ref.kind == "ClusterRole" and item.get("aggregationRule") and "rules" in _roots(paths):
        reason = f"the rules of {ref} are gathered from other ClusterRoles"
        return Refusal("owner", reason, "change or label one of those")
    if {"subsets", "endpoints", "ports", "addressType"} & _roots(paths):
        return _endpoints_of(item, ref, read)
    return made_by(item, ref) if "spec" in _roots(paths) else None


def _roots(paths: list[str]) -> set[str]:
    """The fields at the top that the paths go through."""
    return {re.split(r"[.\[]", path, maxsplit=1)[0] for path in paths}


def _endpoints_of(item: Item, ref: Ref, read: Reader) -> Refusal | None:
    """The controller that writes these endpoints by a Service's selector."""
    if ref.kind == "EndpointSlice":
        manager = (item["metadata"].get("labels") or {}).get(MANAGED_BY)
        if manager in CONTROLLERS:
            return Refusal("owner", f"{manager} makes {ref}", "change its Service or its pods")
    if ref.kind == "Endpoints":
        service = read.get(Ref("Service", ref.namespace, ref.name, "v1"))
        spec = (service or {}).get("spec")
        if isinstance(spec, dict) and spec.get("selector"):
            reason = f"Service {ref.name} makes {ref}, by its selector"
            return Refusal("owner", reason, "change the Service or its pods")
    return None


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
