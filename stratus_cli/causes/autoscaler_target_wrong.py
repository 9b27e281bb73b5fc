"""An autoscaler names a workload that does not exist.

How we know: the rule says that its target is not there.

Known good: the target in a recording or as last applied, when it exists; else the one workload of
that kind without an autoscaler whose name is the autoscaler's, or nearly the target's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.autoscalers import sorted_autoscalers, target_of
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_workload import HorizontalPodAutoscaler
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("autoscaler-target-wrong", "an autoscaler names a workload that is not there")
FIELD = "spec.scaleTargetRef.name"
NEAR = 0.8
"""Share of equal letters from which two names are taken for one that was mistyped (our choice)."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per autoscaler."""
    for finding in case.of_rule("STO612"):
        scaler = case.graph.snap.find(finding.ref)
        if not isinstance(scaler, HorizontalPodAutoscaler):
            continue
        meant = _meant(case, scaler)
        facts = {"namespace": finding.ref.namespace, "autoscaler": finding.ref.name}
        if meant is not None:
            facts |= {"good_target": meant[0], "source": meant[1]}
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=ref_of(scaler),
            field=FIELD,
            observed=scaler.spec.scale_target_ref.name,
            expected=meant[0] if meant else None,
            confidence=meant[2] if meant else 0.8,
            facts=facts | case.changed(scaler, FIELD),
            evidence=(*case.field_evidence(scaler, FIELD), *finding.evidence),
            explains=case.present((finding.key,)),
            check="kubectl get deployments,statefulsets: was the workload renamed or deleted?",
        )


def _meant(case: Case, scaler: HorizontalPodAutoscaler) -> tuple[str, str, float] | None:
    """(workload, who says so, how sure)."""
    target = scaler.spec.scale_target_ref
    scaled = {id(target_of(case.graph, item)) for item in sorted_autoscalers(case.graph)}
    there = {
        workload.metadata.name: id(workload) in scaled
        for workload in case.graph.workloads_in(scaler.metadata.namespace)
        if target.kind == workload.KIND
    }
    for good in case.known_good.object_field(scaler, FIELD):
        if good.value in there:
            return str(good.value), good.source, 0.96
    free = [name for name, has_one in sorted(there.items()) if not has_one]
    if scaler.metadata.name in free:
        return scaler.metadata.name, "the workload of the autoscaler's own name", 0.9
    near = [
        name for name in free if difflib.SequenceMatcher(None, name, target.name).ratio() >= NEAR
    ]
    if len(near) == 1:
        return near[0], "the one workload with nearly this name that nothing scales", 0.86
    return None
