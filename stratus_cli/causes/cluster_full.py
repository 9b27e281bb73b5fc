"""The nodes have no room for the pods that are wanted.

How we know: pods are unschedulable, the scheduler names a resource as insufficient, and by its
filters on what was read each node that could take the pod lacks only what other pods hold.

Known good: the number of replicas before, where the workload was scaled up beyond the room there
is. Else none: more nodes, or fewer and smaller pods, is for people to say, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, quoted, read
from stratus_cli.kube.pod_needs import requests_of, scheduler_says
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.kube.workloads import available
from stratus_cli.kube.workloads import wanted as wanted_pods
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node

META = CauseMeta("cluster-full", "the nodes have no room for the pods")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per owner whose pods only lack room."""
    if not (case.graph.snap.was_read("Node") and not case.graph.snap.scope.asked):
        return  # pods of other namespaces fill nodes, too
    place = case.placement
    for faulty in case.faulty("POD105"):
        pods = tuple(pod for pod in faulty.pods if _lacks_room(place, pod))
        if pods:
            nodes = place.freed(pods[0], lambda _, item: item.why is Why.FULL)
            yield _diagnosis(case, place, faulty, pods, nodes)


def _lacks_room(place: Placement, pod: Pod) -> bool:
    says = scheduler_says(pod)
    room = "Insufficient" in says or "Too many pods" in says
    return room and bool(place.freed(pod, lambda _, item: item.why is Why.FULL))


def _diagnosis(
    case: Case,
    place: Placement,
    faulty: Faulty,
    pods: tuple[Pod, ...],
    nodes: tuple[Node, ...],
) -> Diagnosis:
    fewer = _fewer(case, faulty)
    short = sorted(
        {item.what for node in nodes for item in place.blockers(pods[0])[node.metadata.name]}
    )
    wanted = requests_of(pods[0].spec)
    room = {name: max(place.free(node, name) for node in nodes) for name in short}
    wants = "; ".join(
        f"asks for {wanted[name].normalize():f} {name}, at most {room[name].normalize():f} left"
        for name in short
    )
    field = "spec.replicas" if fewer else f"{faulty.prefix}containers"
    facts = {
        "namespace": faulty.ref.namespace,
        "kind": faulty.ref.kind.lower(),
        "workload": faulty.ref.name,
    }
    if fewer is not None:
        facts |= {"good_replicas": fewer.value, "source": fewer.source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=as_text(read(faulty.owner, field)) if fewer else wants,
        expected=str(fewer.value) if fewer else None,
        confidence=0.8 if fewer else 0.6,
        facts=facts | (case.changed(faulty.owner, field) if fewer else {}),
        evidence=(
            *(case.field_evidence(faulty.owner, field) if fewer else ()),
            *(
                field_evidence(node, f"status.allocatable{quoted(name)}")
                for node in nodes[:SHOWN_PODS]
                for name in short
            ),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=case.explains(faulty, pods),
        check="kubectl describe nodes: Allocated resources; which pods came last?",
    )


def _fewer(case: Case, faulty: Faulty) -> KnownGood | None:
    """The smaller number it had before, where no autoscaler decides and that many serve."""
    workload = faulty.workload
    if workload is None or case.graph.autoscaler_of(workload) is not None:
        return None
    for good in case.known_good.replicas(workload):
        if good.value < wanted_pods(workload) and available(workload) >= good.value:
            return good
    return None
