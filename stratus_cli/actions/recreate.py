"""Re-creation: what an update of an immutable field becomes. Deleted with Orphan, created anew.

Reversible: the inverse is the same turned round. Dependents stay and are adopted by whichever of
the two objects selects them. Nobody writes it by hand (`--force` is not in the grammar): a patch or
manifest that changes a field which the API never updates is offered so, with what is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stratus_cli.actions.base import Item, Prepared, Reader, identified, line, target
from stratus_cli.actions.dependents import DEPENDENTS
from stratus_cli.kube.diff import diff
from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.selectors import matches_raw
from stratus_cli.model.change import ORPHAN, Change
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "StatefulSet": (
        "spec.selector",
        "spec.serviceName",
        "spec.podManagementPolicy",
        "spec.volumeClaimTemplates",
    ),
    "Service": ("spec.clusterIP", "spec.clusterIPs"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    "IngressClass": ("spec.controller",),
    "PriorityClass": ("value", "preemptionPolicy"),
}
"""Fields that the API server never updates (Kubernetes 1.34, pkg/apis/*/validation)."""

FROZEN_CONFIG = ("data", "binaryData", "immutable")
"""Of a ConfigMap with `immutable: true`."""

SAYS_IMMUTABLE = re.compile(
    r"field is immutable|may not change once set|cannot change roleRef|updates? to .* (?:is|are)"
    r" forbidden|may not be changed in an update|updates to statefulset spec"
)
"""How the API server refuses such an update, in its own words."""

KINDS = (*IMMUTABLE, "ConfigMap")


def recreation(
    before: Item,
    after: Item,
    ref: Ref,
    read: Reader,
    *,
    depends: tuple[str, ...] = (),
    is_refused: bool = False,
) -> tuple[Prepared, ...] | Refusal | None:
    """The deletion and the creation; None where an update does.

    after: before with the wanted fields. depends: what the update rests on; everything else may
    move, and goes from the old object into the new one. is_refused: the server has said that a
    field is immutable.
    """
    changed = [edit.path for edit in diff(before, after)]
    if ref.kind not in KINDS or not (is_refused or any(_is_immutable(before, changed))):
        return None
    finalizers = before["metadata"].get("finalizers")
    if finalizers:
        names = ", ".join(map(str, finalizers))
        return Refusal("finalizers", f"{ref} has finalizers ({names})", "make it anew by hand")
    new = _created(before, after)
    stays = _stays(before, new, ref, read)
    if isinstance(stays, Refusal):
        return stays
    known = identified(ref, before)
    gone = Change(known, before, None, via=ORPHAN)
    words = ("delete", target(ref), "--cascade=orphan")
    notes = (
        f"{ref} is deleted and made anew: {', '.join(changed)} cannot be updated",
        *_losses(ref),
        *stays,
    )
    return (
        Prepared(gone, line(*words, ref=ref), tuple(dict.fromkeys((*changed, *depends))), notes),
        Prepared(Change(ref, None, new), line("create", "-f", "-", ref=ref), ()),
    )


def _is_immutable(before: Item, changed: list[str]) -> Iterator[bool]:
    kind = str(before.get("kind"))
    fields = IMMUTABLE.get(kind, ())
    if kind == "ConfigMap" and before.get("immutable") is True:
        fields = FROZEN_CONFIG
    for path in changed:
        for field in fields:
            yield path == field or path.startswith((f"{field}.", f"{field}[", f"{field}#"))


def _created(before: Item, after: Item) -> Item:
    """The new object, without what the server fills in for the wanted fields."""
    new = normal_form(after)
    if before.get("kind") == "Service" and value_at(before, "spec.clusterIP") != value_at(
        new, "spec.clusterIP"
    ):
        if value_at(before, "spec.clusterIPs") == value_at(new, "spec.clusterIPs"):
            new["spec"].pop("clusterIPs", None)  # the list begins with the old address
    return new


def _stays(before: Item, new: Item, ref: Ref, read: Reader) -> tuple[str, ...] | Refusal:
    """Dependents that the new object does not select: they go on without an owner, which is said.

    Refused where the way back would leave pods behind: made by the new object beside ones that it
    adopts, and not selected by the old one.
    """
    alone: list[str] = []
    adopted: list[str] = []
    old, wanted = (value_at(item, "spec.selector") for item in (before, new))
    for kind in DEPENDENTS.get(ref.kind, ()):
        for item in read.list(kind, ref.namespace):
            if _is_owned(item, before):
                takes = matches_raw(wanted, item["metadata"].get("labels") or {})
                (adopted if takes else alone).append(f"{kind} {item['metadata']['name']}")
    template, labels = "spec.template", "spec.template.metadata.labels"
    is_new = value_at(before, template) != value_at(new, template)
    if adopted and is_new and not matches_raw(old, value_at(new, labels)):
        return Refusal(
            "adoption",
            f"the new {ref} would adopt {adopted[0]} and make pods that the old one does not"
            " select: taking it back would leave them behind",
            "change the selector and the labels of the template in two steps",
        )
    if not alone:
        return ()
    return (f"runs on without an owner, not selected by the new {ref.kind}: {', '.join(alone)}",)


def _is_owned(item: Item, owner: Item) -> bool:
    meta = item.get("metadata")
    owners = meta.get("ownerReferences") if isinstance(meta, dict) else None
    uid = owner["metadata"].get("uid")
    return any(
        isinstance(entry, dict) and entry.get("uid") == uid
        for entry in (owners if isinstance(owners, list) else ())
    )


def _losses(ref: Ref) -> tuple[str, ...]:
    found = {
        "Deployment": "rollout revisions get new numbers",
        "StatefulSet": "its pods keep their claims; new fields apply to pods made later",
        "Service": "connections to its address break, and the old address may be given away",
        "RoleBinding": "for a moment its subjects are without these rights",
        "ClusterRoleBinding": "for a moment its subjects are without these rights",
    }.get(ref.kind)
    lost = "uid, creation time and the owners of its fields are new"
    return (f"{lost}; {found}" if found else lost,)


def refused_as_immutable(refusal: Refusal) -> bool:
    """Whether the server would take this change only of a new object."""
    return refusal.check == "dry run" and SAYS_IMMUTABLE.search(refusal.reason) is not None
