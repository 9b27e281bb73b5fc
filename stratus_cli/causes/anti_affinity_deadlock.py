"""A workload's pods must not share a place, and there are more pods than places.

How we know: its pods are unschedulable, the scheduler names anti-affinity, and the template's
required anti-affinity is about its own pods: by the scheduler's filters only these keep the pod off
a node. There are fewer places (nodes, zones) that could take such a pod than pods wanted; or as
many, and the rollout wants one pod more before it lets one go.

Known good: the affinity, or the number of replicas, of an earlier revision, a recording, or what
was last applied. Without any of these, to keep apart where possible: as a preference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.affinity import APART, REQUIRED, softened
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pod_needs import anti_affinity_terms, scheduler_says
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.kube.whole_field import put_whole
from stratus_cli.kube.workloads import wanted
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod, PodSpec
from stratus_cli.model.objects_scheduling import PodAffinityTerm
from stratus_cli.model.objects_workload import DaemonSet, Deployment, Workload

META = CauseMeta("anti-affinity-deadlock", "pods that must be apart have too few places")
STRUCTURAL = frozenset(
    {Why.CONTROL_PLANE, Why.NODE_SELECTOR, Why.NODE_AFFINITY, Why.NODE_NAME, Why.TOO_BIG}
)
"""What keeps a pod off a node for good; a cordon or a taint may go again."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload that keeps its own pods apart and has too few places."""
    if not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    for faulty in case.faulty("POD105"):
        workload = faulty.workload
        if workload is None or isinstance(workload, DaemonSet):
            continue
        term = _own_term(place, faulty.template, faulty.pods[0])
        pods = tuple(pod for pod in faulty.pods if _is_kept_apart(place, pod))
        if term is not None and pods:
            yield from _of_workload(case, place, faulty, workload, term, pods)


def _is_kept_apart(place: Placement, pod: Pod) -> bool:
    says = scheduler_says(pod)
    return "anti-affinity" in says and bool(
        place.freed(pod, lambda _, item: item.why is Why.ANTI_AFFINITY)
    )


def _own_term(place: Placement, template: PodSpec, pod: Pod) -> PodAffinityTerm | None:
    terms = anti_affinity_terms(template)
    return next((term for term in terms if place.neighbours.term_means(term, pod, pod)), None)


def _of_workload(  # what was found out so far
    case: Case,
    place: Placement,
    faulty: Faulty,
    workload: Workload,
    term: PodAffinityTerm,
    pods: tuple[Pod, ...],
) -> Iterator[Diagnosis]:
    places = _places(place, pods[0], term.topology_key)
    field = f"{faulty.prefix}affinity"
    facts = case.facts(faulty, field)
    good = case.known_good.workload_field(workload, field)
    fewer = [item for item in case.known_good.replicas(workload) if item.value <= places]
    if wanted(workload) <= places and not _is_held_up(place, workload, pods[0]):
        return  # a place is free but for something else, such as a cordon
    if good:
        value = good[0].value if isinstance(good[0].value, dict) else {}
        facts |= {"affinity_patch": put_whole(field, value), "source": good[0].source}
        yield _diagnosis(case, faulty, pods, field, facts, as_text(value or "no affinity"), 0.95)
    elif wanted(workload) > places and fewer and case.graph.autoscaler_of(workload) is None:
        facts |= {"good_replicas": fewer[0].value, "source": fewer[0].source}
        expected = str(fewer[0].value)
        yield _diagnosis(case, faulty, pods, "spec.replicas", facts, expected, 0.9)
    elif wanted(workload) > places:
        value = softened(faulty.template)
        facts |= {"affinity_patch": put_whole(field, value), "source": "apart where it is possible"}
        yield _diagnosis(case, faulty, pods, field, facts, "a preference", 0.88)
    else:
        # A rollout: each place has an old pod, and no old pod goes before a new one is ready.
        facts |= {"max_unavailable": 1, "source": "there is no place for one pod more"}
        path = "spec.strategy.rollingUpdate.maxUnavailable"
        yield _diagnosis(case, faulty, pods, path, facts, "1", 0.86)


def _diagnosis(  # the variants differ in just these
    case: Case,
    faulty: Faulty,
    pods: tuple[Pod, ...],
    field: str,
    facts: dict[str, Any],
    expected: str,
    confidence: float,
) -> Diagnosis:
    apart = f"{faulty.prefix}affinity.{APART}.{REQUIRED}"
    shown = apart if field.endswith("affinity") else field
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=shown,
        observed=as_text(read(faulty.owner, shown)),
        expected=expected,
        confidence=confidence,
        facts=facts | case.changed(faulty.owner, shown),
        evidence=(
            *case.field_evidence(faulty.owner, shown),
            field_evidence(faulty.owner, "spec.replicas"),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=case.explains(faulty, pods),
        check="kubectl get nodes: has a node gone that the pods had their place on?",
    )


def _places(place: Placement, pod: Pod, key: str) -> int:
    """How many places could take such a pod, were they empty and every node given back."""
    found = place.blockers(pod)
    return len(
        {
            node.metadata.labels.get(key)
            for node in place.nodes
            if not any(item.why in STRUCTURAL for item in found[node.metadata.name])
        }
        - {None}
    )


def _is_held_up(place: Placement, workload: Workload, pod: Pod) -> bool:
    """Each place has a like pod, and the rollout lets none go before a new one is ready."""
    return _holds_all(workload) and all(
        any(item.why is Why.ANTI_AFFINITY or item.why in STRUCTURAL for item in items)
        for items in place.blockers(pod).values()
    )


def _holds_all(workload: Workload) -> bool:
    """A Deployment whose strategy lets no pod go before another is ready."""
    strategy = workload.spec.strategy
    if not isinstance(workload, Deployment) or strategy is None:
        return False
    rolling = strategy.rolling_update
    limit = rolling.max_unavailable if rolling else None
    if strategy.type != "RollingUpdate" or limit is None:
        return False
    if isinstance(limit, int):
        return limit == 0
    # A share is rounded down (apps/v1).
    share = limit.removesuffix("%")
    return share.isdigit() and wanted(workload) * int(share) < 100  # per cent
