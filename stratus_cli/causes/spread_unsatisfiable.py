"""A topology spread constraint leaves no place for a pod.

How we know: pods are unschedulable, the scheduler names the constraints, and by its filters on what
was read only the constraints keep the pod off a node: the places with fewest pods cannot take one.

Known good: the constraints of an earlier revision, a recording, or what was last applied. Without
any of these, to spread as far as is possible (ScheduleAnyway) instead of not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pod_needs import scheduler_says
from stratus_cli.kube.scheduling import Why
from stratus_cli.kube.whole_field import put_whole
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import DaemonSet

META = CauseMeta("spread-unsatisfiable", "a spread constraint leaves no place for a pod")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload whose constraints cannot be kept."""
    if not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    for faulty in case.faulty("POD105"):
        pods = tuple(
            pod
            for pod in faulty.pods
            if "topology spread" in scheduler_says(pod)
            and place.freed(pod, lambda _, item: item.why is Why.SPREAD)
        )
        if pods and faulty.workload is not None and not isinstance(faulty.owner, DaemonSet):
            yield _diagnosis(case, faulty, pods)


def _diagnosis(case: Case, faulty: Faulty, pods: tuple[Pod, ...]) -> Diagnosis:
    field = f"{faulty.prefix}topologySpreadConstraints"
    facts = case.facts(faulty, field)
    good = case.known_good.workload_field(faulty.workload, field) if faulty.workload else ()
    if good:
        value, source = good[0].value, good[0].source
    else:
        value, source = _loosened(faulty), "spread as far as is possible"
    facts |= {"constraints_patch": put_whole(field, value), "source": source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=as_text(read(faulty.owner, field)),
        expected=as_text(value) if value else "no constraint",
        confidence=0.95 if good else 0.84,
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=case.explains(faulty, pods),
        check="kubectl get nodes -L topology.kubernetes.io/zone: can each place take a pod?",
    )


def _loosened(faulty: Faulty) -> list[dict[str, Any]]:
    return [
        {**item, "whenUnsatisfiable": "ScheduleAnyway"}
        if item.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"
        else dict(item)
        for item in faulty.template.topology_spread_constraints
    ]
