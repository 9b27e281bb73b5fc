"""A claim asks for what no class makes and no volume is.

How we know: pods wait for a Pending claim, and what it asks for is not there: its StorageClass does
not exist, or it names none and no class is the default; or it is for a volume made by hand, and the
one that comes nearest falls short of it in one field.

Known good: the class as it was in a recording or as last applied; the only class there is, as the
default one. A claim cannot be changed once it is made (Kubernetes API: immutable), and to make it
anew may lose what was stored: that is left to a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.claims import (
    NO_PROVISIONER,
    claims_used,
    default_classes,
    left_behind,
    shortfalls,
    users_of,
)
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.fields import as_text, quoted, read
from stratus_cli.kube.pod_needs import scheduler_says
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_storage import (
    DEFAULT_CLASS,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("claim-unbound", "a claim asks for what no class makes and no volume is")
CLASS = "spec.storageClassName"
UNBOUND = ("unbound immediate PersistentVolumeClaims", "available persistent volumes to bind")
"""What the scheduler says of pods whose claims have no volume (plugin VolumeBinding)."""


@dataclass(frozen=True)
class Why:
    """What keeps one claim unbound."""

    root: Ref
    path: str
    observed: str
    expected: str | None
    confidence: float
    evidence: tuple[Evidence, ...]
    facts: dict[str, Any] = field(default_factory=dict)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per claim that pods wait for."""
    read_all = all(case.graph.snap.was_read(kind) for kind in ("StorageClass", "PersistentVolume"))
    for claim in _waiting(case) if read_all else ():
        why = None if left_behind(case.graph, claim) else _why(case, claim)
        if why is None:
            continue
        users = users_of(case.graph, claim)
        owners = {ref_of(owner): owner for owner in map(case.graph.top_owner, users)}
        keys = [("STO601", ref_of(claim)), *(("POD105", ref_of(pod)) for pod in users)]
        keys += [key for owner in owners.values() for key in case.consequences(owner)]
        namespace, name = claim.metadata.namespace, claim.metadata.name
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=why.root,
            field=why.path,
            observed=why.observed,
            expected=why.expected,
            confidence=why.confidence,
            facts={"namespace": namespace, "claim": name, **why.facts},
            evidence=(*why.evidence, field_evidence(claim, "status.phase")),
            explains=case.present(keys),
            check=f"kubectl -n {namespace} describe pvc {name}; kubectl get storageclasses,pv",
        )


def _waiting(case: Case) -> tuple[PersistentVolumeClaim, ...]:
    """The Pending claims that a rule or the scheduler complains about, by ref."""
    refs = {finding.ref for finding in case.of_rule("STO601")}
    for faulty in case.faulty("POD105"):
        for pod in faulty.pods:
            if any(text in scheduler_says(pod) for text in UNBOUND):
                refs |= {
                    Ref("PersistentVolumeClaim", faulty.ref.namespace, name, "v1")
                    for name, _ in claims_used(pod.spec)
                }
    found = (case.graph.snap.find(ref) for ref in refs)
    claims = {
        ref_of(item): item
        for item in found
        if isinstance(item, PersistentVolumeClaim) and item.status.phase == "Pending"
    }
    return tuple(claims[ref] for ref in sorted(claims))


def _why(case: Case, claim: PersistentVolumeClaim) -> Why | None:
    name = claim.spec.storage_class_name
    if name is None:
        return _no_default(case, claim)
    found = case.graph.snap.get(StorageClass, "", name) if name else None
    by_hand = [
        volume
        for volume in case.graph.snap.of(PersistentVolume)
        if volume.spec.storage_class_name == name and volume.status.phase == "Available"
    ]
    if name and found is None and not by_hand:
        return _no_class(case, claim, name)
    if found is None or found.provisioner == NO_PROVISIONER:
        return _no_volume(case, claim)
    return None


def _no_default(case: Case, claim: PersistentVolumeClaim) -> Why | None:
    """No class is named, and none is the default."""
    classes = case.graph.snap.of(StorageClass)
    if default_classes(case.graph) or not classes:
        return None
    path = f"metadata.annotations{quoted(DEFAULT_CLASS)}"
    was = [
        item
        for item in classes
        if any(good.value == "true" for good in case.known_good.object_field(item, path))
    ]
    if len(was or classes) != 1:
        return Why(ref_of(claim), CLASS, "(absent)", None, 0.8, (field_evidence(claim, CLASS),))
    meant = (was or classes)[0]
    return Why(
        ref_of(meant),
        path,
        as_text(read(meant, path)),
        "true",
        0.94 if was else 0.88,
        (field_evidence(meant, path), field_evidence(claim, CLASS)),
        {
            "storage_class": meant.metadata.name,
            "source": "it was the default class" if was else "it is the only class",
        },
    )


def _no_class(case: Case, claim: PersistentVolumeClaim, name: str) -> Why:
    """The class does not exist: it is gone where others have volumes of it, else misnamed."""
    ref = Ref("StorageClass", "", name, "storage.k8s.io/v1")
    good = case.known_good.object(ref)
    once = any(
        item.spec.storage_class_name == name and item.status.phase == "Bound"
        for item in case.graph.snap.of(PersistentVolume)
    )
    evidence = (absent_evidence(ref), field_evidence(claim, CLASS))
    if good is not None:
        facts = {"manifest": good.value, "source": good.source}
        return Why(ref, "", "(absent)", name, 0.95, evidence, facts)
    if once:
        return Why(ref, "", "(absent)", None, 0.9, evidence)
    defaults = default_classes(case.graph)
    expected = defaults[0].metadata.name if len(defaults) == 1 else None
    return Why(ref_of(claim), CLASS, name, expected, 0.9, evidence)


def _no_volume(case: Case, claim: PersistentVolumeClaim) -> Why | None:
    """Volumes are made by hand, and the nearest one that is free falls short in one field."""
    if claim.spec.volume_name:
        wanted = case.graph.snap.get(PersistentVolume, "", claim.spec.volume_name)
        if wanted is None:
            ref = Ref("PersistentVolume", "", claim.spec.volume_name, "v1")
            evidence = (absent_evidence(ref), field_evidence(claim, "spec.volumeName"))
            name = claim.spec.volume_name
            return Why(ref_of(claim), "spec.volumeName", name, None, 0.9, evidence)
    near: list[tuple[str, PersistentVolume]] = []
    for volume in sorted(case.graph.snap.of(PersistentVolume), key=lambda item: item.metadata.name):
        short = shortfalls(claim, volume) if volume.status.phase == "Available" else ()
        if len(short) == 1:
            near.append((short[0], volume))
    if not near:
        return None
    path, volume = near[0]
    theirs = "spec.capacity.storage" if path.startswith("spec.resources") else path
    same = theirs not in ("spec.selector", "spec.volumeName")
    evidence = (field_evidence(claim, path), field_evidence(volume, "status.phase"))
    return Why(
        ref_of(claim),
        path,
        as_text(read(claim, path)),
        as_text(read(volume, theirs)) if same else None,
        0.86,
        (*evidence, field_evidence(volume, theirs)) if same else evidence,
    )
