"""A workload does not tolerate the taint of the nodes it is meant for.

How we know: its pods are unschedulable, and by the scheduler's filters on what was read nodes would
take them if they tolerated the nodes' taints; and the workload is meant for such nodes: it once
tolerated these taints, or its nodeSelector or node affinity chooses among nodes that all have them.

Known good: the tolerations of an earlier revision, a recording, or what was last applied; else a
toleration for exactly the taints of the chosen nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text
from stratus_cli.kube.node_changes import changed_after, surprised_pods
from stratus_cli.kube.pod_needs import scheduler_says, untolerated
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.kube.tolerations import once_tolerated, taint_text, with_tolerations
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node, Taint

META = CauseMeta("toleration-missing", "pods do not tolerate the taint of the nodes they are for")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload whose tolerations fall short."""
    if not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    for faulty in case.faulty("POD105"):
        pods = tuple(pod for pod in faulty.pods if "taint" in scheduler_says(pod))
        if not pods:
            continue
        nodes = place.freed(pods[0], lambda _, item: item.why is Why.TAINT)
        if nodes:
            yield from _of_workload(case, place, faulty, pods, nodes)


def _of_workload(
    case: Case, place: Placement, faulty: Faulty, pods: tuple[Pod, ...], nodes: tuple[Node, ...]
) -> Iterator[Diagnosis]:
    field = f"{faulty.prefix}tolerations"
    taints = tuple(dict.fromkeys(taint for node in nodes for taint in untolerated(pods[0], node)))
    good = once_tolerated(case.known_good, faulty.workload, field, taints)
    facts = case.facts(faulty, field)
    if good is not None:
        facts |= {"tolerations": good.value, "source": good.source}
    elif not _is_meant(place, pods[0]) or any(
        _is_late(place, faulty, nodes, item) for item in taints
    ):
        return
    elif faulty.workload is not None:
        made = with_tolerations(faulty.template, taints)
        source = "the nodes that it chooses all have this taint"
        facts |= {"tolerations": made, "source": source}
    yield Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=f"none for {', '.join(taint_text(taint) for taint in taints)}",
        expected=as_text(facts["tolerations"]) if "tolerations" in facts else None,
        confidence=0.96 if good else 0.85,
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            *(field_evidence(node, "spec.taints") for node in nodes[:SHOWN_PODS]),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=case.explains(faulty, pods),
        check="kubectl describe nodes: is the taint new, or did the workload lose its toleration?",
    )


def _is_meant(place: Placement, pod: Pod) -> bool:
    """Whether the pod chooses nodes, and all that it chooses have a taint."""
    chosen = {Why.NODE_SELECTOR, Why.NODE_AFFINITY, Why.NODE_NAME}
    found = place.blockers(pod)
    left = [name for name, items in found.items() if not any(item.why in chosen for item in items)]
    return len(left) < len(found) and all(
        any(item.why is Why.TAINT for item in found[name]) for name in left
    )


def _is_late(place: Placement, faulty: Faulty, nodes: tuple[Node, ...], taint: Taint) -> bool:
    """The taint came after the workload: then it is the node that has changed."""
    return any(
        changed_after(node, "spec.taints", faulty.owner) or surprised_pods(place, node, taint)
        for node in nodes
        if taint in node.spec.taints
    )
