"""A volume is still reserved for a claim that was deleted and made again.

How we know: a claim that pods wait for is Pending, and a Released volume that would do in class,
size and access is reserved for a claim of this very name, with the uid of the earlier one.

Known good: the reservation without uid, so that it is for the claim of this name. What is stored
is kept: the volume's reclaim policy took nothing away, or it would not be there.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.claims import left_behind, users_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("volume-released", "a volume is reserved for a claim that is no more")
FIELD = "spec.claimRef.uid"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per claim and volume."""
    if not case.graph.snap.was_read("PersistentVolume"):
        return
    for claim in sorted(
        case.graph.snap.of(PersistentVolumeClaim),
        key=lambda item: (item.metadata.namespace, item.metadata.name),
    ):
        users = users_of(case.graph, claim) if claim.status.phase == "Pending" else ()
        volume = left_behind(case.graph, claim) if users else None
        if volume is None:
            continue
        owners = {ref_of(owner): owner for owner in map(case.graph.top_owner, users)}
        keys = [("STO601", ref_of(claim)), *(("POD105", ref_of(pod)) for pod in users)]
        keys += [key for owner in owners.values() for key in case.consequences(owner)]
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=ref_of(volume),
            field=FIELD,
            observed=volume.spec.claim_ref.uid if volume.spec.claim_ref else "",
            expected=f"none, so that it is for {claim.metadata.name}",
            confidence=0.94,
            facts={
                "volume": volume.metadata.name,
                "source": "the claim has the name that the volume is reserved for",
                **case.changed(volume, FIELD),
            },
            evidence=(
                field_evidence(volume, "status.phase"),
                *case.field_evidence(volume, FIELD),
                field_evidence(volume, "spec.claimRef.name"),
                field_evidence(claim, "metadata.uid"),
                field_evidence(claim, "status.phase"),
            ),
            explains=case.present(keys),
            check="kubectl describe pv: is what is stored there what this claim should have?",
        )
