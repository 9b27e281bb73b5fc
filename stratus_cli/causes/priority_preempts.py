"""Pods of a higher priority took the place of a workload's pods.

How we know: pods are unschedulable because nodes are full, the scheduler says that it preempted
pods of this owner, and for which pod; that pod is there and got its priority from a PriorityClass.

Known good: none. Whose pods go first is for people to say, and who loses by a change is somebody
else's workload: so the class is named, and what to do is left to a person.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.scheduling import Why
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import PriorityClass
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("priority-preempts", "pods of a higher priority took the place of these")

# pkg/scheduler/framework/preemption: "Preempted by pod UID on node NAME"; before 1.27 the pod's
# namespace and name stood there.
PREEMPTED = re.compile(r"Preempted by (?:pod )?([\w./-]{1,320})")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per PriorityClass whose pods preempted pods that are now pending."""
    if not case.graph.snap.was_read("PriorityClass"):
        return
    place = case.placement
    found: dict[Ref, list[tuple[Faulty, tuple[Pod, ...], Pod]]] = defaultdict(list)
    for faulty in case.faulty("POD105"):
        pods = tuple(
            pod for pod in faulty.pods if place.freed(pod, lambda _, item: item.why is Why.FULL)
        )
        for winner in _winners(case, faulty) if pods else ():
            name = winner.spec.priority_class_name
            priority = case.graph.snap.get(PriorityClass, "", name)
            if priority is not None:
                found[ref_of(priority)].append((faulty, pods, winner))
                break
    for ref in sorted(found):
        item = case.graph.snap.find(ref)
        if isinstance(item, PriorityClass):
            yield _diagnosis(case, item, found[ref])


def _winners(case: Case, faulty: Faulty) -> Iterator[Pod]:
    """The pods that this owner's pods had to give way to, as far as they are there."""
    pods = {pod.metadata.uid: pod for pod in case.graph.snap.of(Pod)}
    pods |= {f"{pod.metadata.namespace}/{pod.metadata.name}": pod for pod in pods.values()}
    for event in sorted(case.graph.snap.events, key=lambda item: item.metadata.name):
        about = event.involved_object
        said = PREEMPTED.search(event.message) if event.reason == "Preempted" else None
        if said is None or about.namespace != faulty.ref.namespace:
            continue
        winner = pods.get(said.group(1))
        if about.name.startswith(f"{faulty.ref.name}-") and winner is not None:
            yield winner


def _diagnosis(
    case: Case, priority: PriorityClass, lost: list[tuple[Faulty, tuple[Pod, ...], Pod]]
) -> Diagnosis:
    field = "globalDefault" if priority.global_default else "value"
    winners = {ref_of(winner): winner for _, _, winner in lost}
    owners = sorted({str(ref_of(case.graph.top_owner(pod))) for pod in winners.values()})
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(priority),
        field=field,
        observed="true" if priority.global_default else str(priority.value),
        expected="false" if priority.global_default else None,
        confidence=0.93,
        facts={
            "priority_class": priority.metadata.name,
            "winners": ", ".join(owners),
            **case.changed(priority, field),
        },
        evidence=(
            *case.field_evidence(priority, field),
            *(
                field_evidence(winner, "spec.priorityClassName")
                for winner in list(winners.values())[:SHOWN_PODS]
            ),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for _, pods, _ in lost
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=tuple(key for faulty, pods, _ in lost for key in case.explains(faulty, pods)),
        check="kubectl get events -A --field-selector reason=Preempted",
    )
