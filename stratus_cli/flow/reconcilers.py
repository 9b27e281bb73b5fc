"""Who reconciles objects from a source elsewhere: Argo CD, Flux, and operators. Reads only.

An owner that puts changes back is a reason to refuse, with the patch for its source; one that only
overwrites at its next run is a note. Which it is, is read from the owner itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.actions.patch_object import PatchObject
from stratus_cli.flow.reader import PlanReader
from stratus_cli.kube.by_hand import patch_of
from stratus_cli.kube.diff import diff
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import Change
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

APPLICATIONS = "applications.argoproj.io"
KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"
HELM_RELEASES = "helmreleases.helm.toolkit.fluxcd.io"

TRACKING_ID = "argocd.argoproj.io/tracking-id"
ARGO_INSTANCE = "argocd.argoproj.io/instance"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
FLUX_HELM = "helm.toolkit.fluxcd.io"
HELM_RELEASE = "meta.helm.sh/release-name"

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Owner:
    """One owner. Exactly one of refusal, doubt and note is set.

    refusal: it puts the change back. doubt: whether it does could not be read. pause: its own
    suspend, as an action that can be taken back.
    """

    refusal: Refusal | None = None
    doubt: str = ""
    note: str = ""
    pause: PatchObject | None = None


def reconcilers(change: Change, read: PlanReader) -> Iterator[Owner]:
    """Those that the object names by an ownerReference, a label or an annotation."""
    meta = mapping((change.before or {}).get("metadata"))
    marks = {**mapping(meta.get("labels")), **mapping(meta.get("annotations"))}
    yield from _controllers(change, meta)
    yield from _argo(change, marks, read)
    yield from _flux(change, marks, read, KUSTOMIZE, KUSTOMIZATIONS, _kustomization)
    yield from _flux(change, marks, read, FLUX_HELM, HELM_RELEASES, _helm_release)
    if HELM_RELEASE in marks and f"{FLUX_HELM}/name" not in marks:
        text = f"{change.ref} belongs to Helm release {marks[HELM_RELEASE]}"
        yield Owner(note=f"{text}, whose next upgrade overwrites this: {_in_source(change)}")


def source_patch(change: Change) -> dict[str, Any] | None:
    """The change as a strategic merge patch for a kustomization or a manifest; None for a delete.

    A change back to the source is not possible from here: only its author knows the values.
    """
    before, after, ref = change.before, change.after, change.ref
    if before is None or after is None:
        return None
    namespace = {"namespace": ref.namespace} if ref.namespace else {}
    head = {"apiVersion": after.get("apiVersion"), "kind": ref.kind}
    patch = patch_of(diff(before, after))
    return {**head, **patch, "metadata": {"name": ref.name, **namespace, **_meta_of(patch)}}


def _meta_of(patch: Mapping[str, Any]) -> dict[str, Any]:
    found = patch.get("metadata")
    return dict(found) if isinstance(found, Mapping) else {}


def _in_source(change: Change) -> str:
    patch = source_patch(change)
    if patch is None:
        return "make it in its source, too"
    return f"make it in its source, too: {json.dumps(patch, ensure_ascii=False)}"


def _reverts(change: Change, who: str, how: str, pause: PatchObject | None = None) -> Owner:
    """An owner that puts the change back."""
    ways = [_in_source(change).replace(", too", "")]
    if pause is not None:
        ways.append("or pause the owner meanwhile: --pause-owner")
    reason = f"{who} {how} {change.ref}, and would put it back"
    return Owner(Refusal("owner", reason, "; ".join(ways)), pause=pause)


def unread(change: Change, who: str, why: str) -> Owner:
    """An owner of which it cannot be read whether it puts the change back."""
    return Owner(doubt=f"whether {who} puts {change.ref} back is not known ({why})")


def _controllers(change: Change, meta: Item) -> Iterator[Owner]:
    """A controller of a kind that is not Kubernetes' own is an operator's custom resource."""
    owners = meta.get("ownerReferences")
    for owner in map(mapping, owners if isinstance(owners, list) else ()):
        if owner.get("controller") and owner.get("kind") not in BY_KIND:
            name = f"{owner.get('kind')} {owner.get('name')}"
            reason = f"{change.ref} belongs to {name}, whose operator would put it back"
            yield Owner(Refusal("owner", reason, f"change {name} instead"))


def _argo(change: Change, marks: Mapping[str, Any], read: PlanReader) -> Iterator[Owner]:
    found = _application_of(change.ref, marks)
    if found is None:
        return
    space, name = found
    who = f"Argo CD Application {name}"
    try:
        items = _named(read.list(APPLICATIONS, space), name)
    except ClusterAnswer as error:
        yield unread(change, who, f"Applications could not be read: {error.what}")
        return
    if not items:
        yield unread(change, who, "there is none of this name in this cluster")
    for item in items:
        automated = value_at(item, "spec.syncPolicy.automated")
        heals = mapping(automated).get("selfHeal") is True
        if heals and mapping(automated).get("enabled") is not False:
            pause = _patch(item, {"spec": {"syncPolicy": {"automated": None}}})
            yield _reverts(change, who, "heals", pause)
        else:
            text = f"{who} applies {change.ref} without healing it; its next sync overwrites this"
            yield Owner(note=f"{text}: {_in_source(change)}")


def _application_of(ref: Ref, marks: Mapping[str, Any]) -> tuple[str, str] | None:
    """(namespace or "", name) of the Application that tracks this object, or None.

    tracking-id is "NAME:GROUP/KIND:NAMESPACE/NAME"; one that names another object was copied from
    it, and Argo CD takes no notice of it. NAME is "NAMESPACE_NAME" for one outside Argo CD's own.
    """
    tracking = marks.get(TRACKING_ID)
    if isinstance(tracking, str):
        app, _, rest = tracking.partition(":")
        kind, _, place = rest.partition(":")
        is_here = kind.rpartition("/")[2] == ref.kind and place == f"{ref.namespace}/{ref.name}"
        if place and not is_here:
            return None
        space, underscore, name = app.partition("_")
        return (space, name) if underscore else ("", app)
    instance = marks.get(ARGO_INSTANCE)
    return ("", instance) if isinstance(instance, str) else None


def _flux(
    change: Change,
    marks: Mapping[str, Any],
    read: PlanReader,
    prefix: str,
    word: str,
    judge: Callable[[Change, str, dict[str, Any]], Owner],
) -> Iterator[Owner]:
    """The owner that Flux's labels name."""
    name, space = marks.get(f"{prefix}/name"), marks.get(f"{prefix}/namespace")
    if not isinstance(name, str):
        return
    if not isinstance(space, str):
        yield unread(change, f"Flux's {name}", f"the label {prefix}/namespace is missing")
        return
    try:
        served = read.kind_of(word)
        who = f"Flux {served.kind if served else word.partition('.')[0]} {space}/{name}"
        if served is None:
            yield unread(change, who, "this cluster serves no such kind")
            return
        item = read.get(Ref(served.kind, space, name, served.api_version))
    except ClusterAnswer as error:
        who = f"Flux {word.partition('.')[0]} {space}/{name}"
        yield unread(change, who, f"it could not be read: {error.what}")
        return
    if item is None:
        yield unread(change, who, "it is not in this cluster")
        return
    off = marks.get(f"{prefix}/reconcile") == "disabled"
    off = off or marks.get(f"{prefix}/driftDetection") == "disabled"
    if off or value_at(item, "spec.suspend") is True:
        state = "leaves it alone" if off else "is suspended"
        yield Owner(note=f"{who} applies {change.ref} and {state}: {_in_source(change)}")
        return
    yield judge(change, who, item)


def _kustomization(change: Change, who: str, item: dict[str, Any]) -> Owner:
    return _reverts(change, who, "applies", _patch(item, {"spec": {"suspend": True}}))


def _helm_release(change: Change, who: str, item: dict[str, Any]) -> Owner:
    if value_at(item, "spec.driftDetection.mode") == "enabled":
        return _reverts(change, who, "corrects", _patch(item, {"spec": {"suspend": True}}))
    text = f"{who} applies {change.ref} without correcting it; its next upgrade overwrites this"
    return Owner(note=f"{text}: {_in_source(change)}")


def _named(items: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [item for item in items if mapping(item.get("metadata")).get("name") == name]


def _patch(owner: Item, patch: dict[str, Any]) -> PatchObject:
    meta = mapping(owner.get("metadata"))
    version = str(owner.get("apiVersion"))
    namespace, name = str(meta.get("namespace", "")), str(meta.get("name"))
    return PatchObject(Ref(str(owner.get("kind")), namespace, name, version), patch, "merge")


def mapping(value: object) -> Mapping[str, Any]:
    """A cluster's data may be of any shape."""
    return value if isinstance(value, Mapping) else {}
