"""What may not be written, whoever asks: protected namespaces and names, and objects with owners.

Pure over raw objects. An object that something reconciles is not changed: the change would be put
back. Helm alone reverts nothing before its next upgrade, so it is a note.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.actions.base import Reader
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import Change
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ports import Policy
from stratus_cli.model.ref import Ref

ARGO = ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance")
FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
REPLICAS = "spec.replicas"
HELM_RELEASE = "meta.helm.sh/release-name"


def protected(ref: Ref, policy: Policy) -> Refusal | None:
    """The policy's word on an object, or None where it has none."""
    namespace = ref.name if ref.kind == "Namespace" else ref.namespace
    if namespace in policy.protected_namespaces:
        return Refusal(
            "protected",
            f"namespace {namespace} is protected",
            "take it out of `protected-namespaces` in the configuration",
        )
    for pattern in policy.protected_names:
        if fnmatch.fnmatchcase(ref.name, pattern) or fnmatch.fnmatchcase(str(ref), pattern):
            return Refusal(
                "protected",
                f"{ref} is protected by {pattern!r}",
                "take the pattern out of `protected-names` in the configuration",
            )
    return None


def owned(ref: Ref, item: Mapping[str, Any]) -> Refusal | None:
    """Who would put the change back, or None."""
    meta = item.get("metadata") or {}
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller") and owner.get("kind") not in BY_KIND:
            name = f"{owner.get('kind')} {owner.get('name')}"
            return Refusal(
                "owner", f"{ref} belongs to {name}, which would put it back", f"change {name}"
            )
    marks = {**(meta.get("labels") or {}), **(meta.get("annotations") or {})}
    for keys, name in ((ARGO, "Argo CD"), (FLUX, "Flux")):
        found = next((key for key in keys if key in marks), None)
        if found is not None:
            return Refusal(
                "owner",
                f"{name} applies {ref} ({found}: {marks[found]}) and may put it back",
                "make the change in its source",
            )
    return None


def autoscaled(change: Change, read: Reader) -> Refusal | None:
    """Who sets the number of replicas that this change would set, or None."""
    before, after, ref = change.before, change.after, change.ref
    if before is None or after is None:
        return None
    if value_at(before, REPLICAS) == value_at(after, REPLICAS):
        return None
    for item in read.list("HorizontalPodAutoscaler", ref.namespace):
        aim = (item.get("spec") or {}).get("scaleTargetRef") or {}
        if (aim.get("kind"), aim.get("name")) == (ref.kind, ref.name):
            name = f"HorizontalPodAutoscaler {item['metadata']['name']}"
            return Refusal("owner", f"{name} sets the replicas of {ref}", f"change {name} instead")
    return None


def owner_notes(ref: Ref, item: Mapping[str, Any]) -> Iterator[str]:
    """What a reviewer must know of an owner that reverts nothing by itself."""
    annotations = (item.get("metadata") or {}).get("annotations") or {}
    if HELM_RELEASE in annotations:
        release = annotations[HELM_RELEASE]
        yield (
            f"{ref} belongs to Helm release {release}: put the change into its values too, or the"
            " next upgrade overwrites it"
        )
