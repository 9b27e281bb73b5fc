"""Somebody set a workload's replicas to zero while it is wanted.

How we know: spec.replicas is 0 and WRK204 found who asks for it. The API server remembers which
client set the number and when; the event ScalingReplicaSet has the number before.

Known good: a recording, that event, what was last applied, or the autoscaler's minimum.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.demand import demand, scaled_at, scaled_down_event
from stratus_cli.kube.evidence import event_evidence
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("scaled-to-zero", "the workload is scaled to zero")
FIELD = "spec.replicas"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload at zero that is wanted."""
    for finding in case.of_rule("WRK204"):
        workload = case.graph.snap.find(finding.ref)
        if isinstance(workload, Workload):
            yield _diagnosis(case, workload)


def _diagnosis(case: Case, workload: Workload) -> Diagnosis:
    ref = ref_of(workload)
    good = case.known_good.replicas(workload)
    scaled = scaled_down_event(case.graph, workload)
    strong = [reason for reason in demand(case.graph, workload) if reason.strong]
    facts: dict[str, object] = {
        "namespace": ref.namespace,
        "kind": ref.kind.lower(),
        "workload": ref.name,
    }
    if good:
        facts |= {"good_replicas": good[0].value, "source": good[0].source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=FIELD,
        observed="0",
        expected=str(good[0].value) if good else None,
        confidence=_confidence(
            strong=bool(strong), dated=scaled_at(case.graph, workload) is not None
        ),
        facts=facts | case.changed(workload, FIELD),
        evidence=(
            *case.field_evidence(workload, FIELD),
            *((event_evidence(workload, scaled[0]),) if scaled else ()),
            *(reason.evidence for reason in strong),
        ),
        explains=case.present(
            [("WRK204", ref), *(("SVC301", ref_of(item)) for item in case.services(workload))]
        ),
        check="ask whoever set it whether it was parked on purpose",
    )


def _confidence(*, strong: bool, dated: bool) -> float:
    if not strong:
        return 0.4
    return 0.95 if dated else 0.8
