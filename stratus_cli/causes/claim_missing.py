"""A volume names a claim that does not exist.

How we know: pods are unschedulable, the scheduler says which claim was not found, and it is not in
the namespace.

Known good: the claim that an earlier revision, a recording, or what was last applied names, when it
exists; then the workload's volume is wrong. Without any of these, the one claim of the namespace
that no other workload mounts and whose name is nearly this one. Where the name has always been
this, the claim itself is gone, and with it perhaps what was stored: that is named, and left to a
person. Where what worked had no such volume at all, taking the change back is surer.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.claims import claim_not_found, claims_used
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.pod_needs import scheduler_says
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("claim-missing", "a volume names a claim that does not exist")
NEAR = 0.8
"""Share of equal letters from which two names are taken for one that was mistyped. Our choice: one
word more or less ("-broken") in names of usual length, not two different names."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload and claim."""
    if not case.graph.snap.was_read("PersistentVolumeClaim"):
        return
    for faulty in case.faulty("POD105"):
        for name, path in claims_used(faulty.template):
            pods = tuple(pod for pod in faulty.pods if claim_not_found(scheduler_says(pod)) == name)
            space = faulty.ref.namespace
            if pods and case.graph.snap.get(PersistentVolumeClaim, space, name) is None:
                yield _diagnosis(case, faulty, pods, name, path)


def _diagnosis(
    case: Case, faulty: Faulty, pods: tuple[Pod, ...], name: str, path: str
) -> Diagnosis:
    field = f"{faulty.prefix}{path}"
    claim = Ref("PersistentVolumeClaim", faulty.ref.namespace, name, "v1")
    meant = _meant(case, faulty, name, field)
    facts = case.facts(faulty, field, claim=name)
    evidence: list[Evidence] = [*case.field_evidence(faulty.owner, field), absent_evidence(claim)]
    if meant is not None:
        facts |= {"volume": path.partition("=")[2].partition("]")[0], "good_claim": meant[0]}
        facts["source"] = meant[1]
        good = case.graph.snap.get(PersistentVolumeClaim, faulty.ref.namespace, meant[0])
        if good is not None:
            evidence.append(field_evidence(good, "status.phase"))
    else:
        facts.pop("good_revision", None)
    says = "status.conditions[type=PodScheduled].message"
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref if meant else claim,
        field=field if meant else "",
        observed=name if meant else "(absent)",
        expected=meant[0] if meant else None,
        confidence=meant[2] if meant else (0.6 if _is_new(case, faulty, path) else 0.8),
        facts=facts | case.changed(faulty.owner, field),
        evidence=(*evidence, *(field_evidence(pod, says) for pod in pods[:SHOWN_PODS])),
        explains=case.explains(faulty, pods),
        check=f"kubectl -n {faulty.ref.namespace} get pvc: was it deleted, or is the name wrong?",
    )


def _is_new(case: Case, faulty: Faulty, path: str) -> bool:
    """Whether what worked had no such volume: then the change that brought it is surer."""
    volume = f"{faulty.prefix}{path.partition(']')[0]}].name"
    good = case.known_good.workload_field(faulty.workload, volume) if faulty.workload else ()
    return any(item.value is None for item in good)


def _meant(case: Case, faulty: Faulty, name: str, field: str) -> tuple[str, str, float] | None:
    """(claim, who says so, how sure), of claims that exist."""
    if faulty.workload is None:
        return None
    claims = {
        item.metadata.name
        for item in case.graph.snap.of(PersistentVolumeClaim)
        if item.metadata.namespace == faulty.ref.namespace
        and item.status.phase != "Lost"
        and item.metadata.deletion_timestamp is None
    }
    for good in case.known_good.workload_field(faulty.workload, field):
        if good.value in claims:
            return str(good.value), good.source, 0.97
    taken = {
        used
        for workload in case.graph.workloads_in(faulty.ref.namespace)
        if ref_of(workload) != faulty.ref
        for used, _ in claims_used(workload.spec.template.spec)
    }
    near = [
        item
        for item in sorted(claims - taken)
        if difflib.SequenceMatcher(None, item, name).ratio() >= NEAR
        or name.startswith(f"{item}-")
        or item.startswith(f"{name}-")
    ]
    if len(near) == 1:
        return near[0], "the one claim with nearly this name, which nothing else mounts", 0.9
    return None
