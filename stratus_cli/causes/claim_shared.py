"""Replicas mount one claim that only one node may hold, and must not be on one node.

How we know: pods are unschedulable; each node that could take one either has a like pod that it
must not meet, or cannot reach the volume of the claim. Or the pods wait for a volume that another
node still holds (Multi-Attach), in a rollout that starts new pods before it ends old ones.

Known good: the claim, the affinity or the number of replicas of an earlier revision, a recording,
or what was last applied. Without any of these, to keep apart only where possible, since pods on one
node may share the claim; for a rollout, to end the old pod first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.affinity import APART, REQUIRED, softened
from stratus_cli.kube.claims import claims_used
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pod_needs import volumes_of
from stratus_cli.kube.pods import mount_failure
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.kube.whole_field import put_whole
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.objects_workload import Deployment, Workload

META = CauseMeta("claim-shared", "replicas share a claim that only one node may hold")
ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
HELD = "Multi-Attach error"  # pkg/controller/volume/attachdetach/reconciler
STANDING = frozenset({Why.ANTI_AFFINITY, Why.VOLUME, Why.CONTROL_PLANE})


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload whose replicas cannot share their claim."""
    place = case.placement
    for faulty in case.faulty("POD105"):
        pods = tuple(pod for pod in faulty.pods if _is_torn(place, pod))
        claim = _claim(case, faulty) if pods and faulty.workload else None
        if claim is not None and faulty.workload is not None:
            yield _apart(case, faulty, faulty.workload, pods, claim)
    for faulty in case.faulty("POD104"):
        events = [
            (pod, event)
            for pod in faulty.pods
            if (event := mount_failure(case.graph, pod)) is not None and HELD in event.message
        ]
        claim = _claim(case, faulty) if events else None
        if claim is not None and _starts_before_it_ends(faulty.workload):
            evidence = tuple(event_evidence(pod, event) for pod, event in events[:SHOWN_PODS])
            yield _rolling(case, faulty, tuple(pod for pod, _ in events), claim, evidence)


def _is_torn(place: Placement, pod: Pod) -> bool:
    """No node but those of its like reaches the volume."""
    found = [items for items in place.blockers(pod).values() if items]
    if len(found) != len(place.nodes) or not any(volumes_of(place.graph, pod)):
        return False
    kinds = [{item.why for item in items} for items in found]
    return (
        all(any(why in STANDING for why in each) for each in kinds)
        and {Why.ANTI_AFFINITY} in kinds
        and any(Why.VOLUME in each for each in kinds)
    )


def _claim(case: Case, faulty: Faulty) -> tuple[PersistentVolumeClaim, str] | None:
    """The claim of the template that one node at a time may hold, and where it is named."""
    for name, path in claims_used(faulty.template):
        claim = case.graph.snap.get(PersistentVolumeClaim, faulty.ref.namespace, name)
        if claim is not None and set(claim.spec.access_modes) <= ONE_NODE:
            return claim, f"{faulty.prefix}{path}"
    return None


def _apart(
    case: Case,
    faulty: Faulty,
    workload: Workload,
    pods: tuple[Pod, ...],
    found: tuple[PersistentVolumeClaim, str],
) -> Diagnosis:
    claim, named = found
    affinity = f"{faulty.prefix}affinity"
    facts = case.facts(faulty, named, claim=claim.metadata.name)
    claims = {item.metadata.name for item in case.graph.snap.of(PersistentVolumeClaim)}
    names = [
        good for good in case.known_good.workload_field(workload, named) if good.value in claims
    ]
    together = case.known_good.workload_field(workload, affinity)
    fewer = [good for good in case.known_good.replicas(workload) if good.value == 1]
    apart = f"{affinity}.{APART}.{REQUIRED}"
    expected: Any
    if names:
        field, expected, source = named, names[0].value, names[0].source
        facts |= {"volume": named.partition("[name=")[2].partition("]")[0], "good_claim": expected}
    elif together:
        field, source = apart, together[0].source
        expected = as_text(together[0].value or "no affinity")
        facts["affinity_patch"] = put_whole(affinity, together[0].value)
    elif fewer and case.graph.autoscaler_of(workload) is None:
        field, expected, source = "spec.replicas", "1", fewer[0].source
        facts["good_replicas"] = 1
    else:
        field, expected, source = named, None, "pods on one node may share the claim"
        facts["affinity_patch"] = put_whole(affinity, softened(faulty.template))
    message = "status.conditions[type=PodScheduled].message"
    evidence = (
        field_evidence(workload, apart),
        *(field_evidence(pod, message) for pod in pods[:SHOWN_PODS]),
    )
    facts["source"] = source
    sure = 0.96 if names or together or fewer else 0.9
    return _diagnosis(case, faulty, pods, found, (field, expected, sure), facts, evidence)


def _rolling(
    case: Case,
    faulty: Faulty,
    pods: tuple[Pod, ...],
    found: tuple[PersistentVolumeClaim, str],
    evidence: tuple[Evidence, ...],
) -> Diagnosis:
    field = "spec.strategy"
    facts = case.facts(faulty, field, claim=found[0].metadata.name, strategy="Recreate")
    facts.pop("good_revision", None)
    facts["source"] = "the old pod must let go of the volume first"
    wanted = (f"{field}.type", "Recreate", 0.9)
    return _diagnosis(case, faulty, pods, found, wanted, facts, evidence)


def _diagnosis(
    case: Case,
    faulty: Faulty,
    pods: tuple[Pod, ...],
    found: tuple[PersistentVolumeClaim, str],
    wrong: tuple[str, str | None, float],
    facts: dict[str, Any],
    evidence: tuple[Evidence, ...],
) -> Diagnosis:
    claim, named = found
    field, expected, confidence = wrong
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=as_text(read(faulty.owner, field)),
        expected=expected,
        confidence=confidence,
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            field_evidence(faulty.owner, named),
            field_evidence(claim, "spec.accessModes"),
            *evidence,
        ),
        explains=case.explains(faulty, pods),
        check=f"kubectl -n {faulty.ref.namespace} get pods -o wide: who holds it, and where?",
    )


def _starts_before_it_ends(workload: Workload | None) -> bool:
    """A Deployment of one that rolls out by adding a pod before it takes one away."""
    if not isinstance(workload, Deployment) or workload.spec.replicas != 1:
        return False
    strategy = workload.spec.strategy
    return strategy is None or strategy.type == "RollingUpdate"
