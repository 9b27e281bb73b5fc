"""A claim is bound to a volume that no node which could take the pod reaches.

How we know: pods are unschedulable, the scheduler names the volume's node affinity, and by its
filters on what was read a node would take the pod but for the node affinity of a volume. No node
that reaches the volume is merely cordoned, tainted, unwell or full.

Known good: the claim that an earlier revision of the workload mounts, where it mounts this one only
lately. Else nothing says where the bytes are but the volume itself, and its node affinity cannot be
changed (Kubernetes API: immutable): so the volume is named, and what to do is left to a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.claims import claims_used
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pod_needs import scheduler_says, volumes_of
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_storage import PersistentVolume, PersistentVolumeClaim
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("volume-elsewhere", "a volume is on no node that could take the pod")
FIELD = "spec.nodeAffinity"
PASSING = frozenset({Why.CORDON, Why.CONDITION, Why.TAINT, Why.FULL})
"""What keeps the pod off the volume's own node for now: then that is what is wrong."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per volume."""
    if not (case.graph.snap.was_read("Node") and case.graph.snap.was_read("PersistentVolume")):
        return
    place = case.placement
    found: dict[Ref, list[tuple[Faulty, Pod]]] = defaultdict(list)
    for faulty in case.faulty("POD105"):
        for pod in faulty.pods:
            freed = place.freed(pod, lambda _, item: item.why is Why.VOLUME)
            says = scheduler_says(pod)
            if not freed or "olume" not in says or _is_reachable(place, pod):
                continue
            blocked = {
                item.what for node in freed for item in place.blockers(pod)[node.metadata.name]
            }
            for volume in volumes_of(case.graph, pod):
                if volume.metadata.name in blocked:
                    found[ref_of(volume)].append((faulty, pod))
    for ref in sorted(found):
        item = case.graph.snap.find(ref)
        if isinstance(item, PersistentVolume):
            owners = {faulty.ref: faulty for faulty, _ in found[ref]}
            newly = [_newly_mounted(case, faulty, item) for faulty in owners.values()]
            first = newly[0] if len(newly) == 1 else None
            yield first or _diagnosis(case, item, found[ref])


def _newly_mounted(case: Case, faulty: Faulty, volume: PersistentVolume) -> Diagnosis | None:
    """The template that was changed to mount it: that is the change, not where the bytes are."""
    for name, path in claims_used(faulty.template):
        claim = case.graph.snap.get(PersistentVolumeClaim, faulty.ref.namespace, name)
        field = f"{faulty.prefix}{path}"
        if claim is None or claim.spec.volume_name != volume.metadata.name:
            continue
        good = case.known_good.workload_field(faulty.workload, field) if faulty.workload else ()
        if not good:
            continue
        facts = case.facts(faulty, field, claim=name, volume=volume.metadata.name)
        before = good[0].value
        if case.graph.snap.get(PersistentVolumeClaim, faulty.ref.namespace, str(before)):
            mount = path.partition("[name=")[2].partition("]")[0]
            facts |= {"good_claim": before, "mount": mount}
        message = "status.conditions[type=PodScheduled].message"
        return Diagnosis(
            cause=META.id,
            title=META.title,
            root=faulty.ref,
            field=field,
            observed=name,
            expected=str(before) if before else "no such volume",
            confidence=0.92,
            facts={**facts, "source": good[0].source, **case.changed(faulty.owner, field)},
            evidence=(
                *case.field_evidence(faulty.owner, field),
                field_evidence(volume, FIELD),
                *(field_evidence(pod, message) for pod in faulty.pods[:SHOWN_PODS]),
            ),
            explains=case.explains(faulty, faulty.pods),
            check=f"kubectl get pv {volume.metadata.name} -o yaml: on which node are the bytes?",
        )
    return None


def _diagnosis(case: Case, volume: PersistentVolume, kept: list[tuple[Faulty, Pod]]) -> Diagnosis:
    facts = case.changed(volume, FIELD)
    claim = volume.spec.claim_ref
    if claim is not None:
        facts |= {"namespace": claim.namespace, "claim": claim.name}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(volume),
        field=FIELD,
        observed=as_text(read(volume, f"{FIELD}.required")),
        expected=None,
        confidence=0.9,
        facts={"volume": volume.metadata.name, **facts},
        evidence=(
            *case.field_evidence(volume, FIELD),
            field_evidence(volume, "spec.claimRef.name"),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for _, pod in kept[:SHOWN_PODS]
            ),
        ),
        explains=tuple(key for faulty, pod in kept for key in case.explains(faulty, (pod,))),
        check="kubectl get nodes: is the node that holds the volume gone, renamed or cordoned?",
    )


def _is_reachable(place: Placement, pod: Pod) -> bool:
    """A node reaches the volumes and would take the pod when it is well, given back and empty."""
    return any(all(item.why in PASSING for item in items) for items in place.blockers(pod).values())
