"""A LimitRange refuses the pods that a workload needs.

How we know: the API server refuses the pods and says which bound they break, and a LimitRange of
the namespace sets that bound.

Known good: the LimitRange's limits in a recording or as last applied. One that is newer than every
workload it blocks came after them, so taking it away puts back what was. Where the workload's own
resources were changed, an earlier revision's are right. How much to allow is otherwise its owner's
to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.limit_ranges import Bound, bounds_said, items_with
from stratus_cli.kube.workloads import holders
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_scheduling import LimitRange
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("limit-range-refuses", "a LimitRange refuses the pods")
FIELD = "spec.limits"

Blocked = list[tuple[Finding, Workload, Bound]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per LimitRange."""
    blocked: dict[Ref, Blocked] = defaultdict(list)
    for finding in case.of_rule("WRK202"):
        workload = case.graph.snap.find(finding.ref)
        if not isinstance(workload, Workload):
            continue
        for bound in bounds_said(finding.message):
            found = _that_sets(case, finding.ref.namespace, bound)
            if found is not None:
                blocked[ref_of(found)].append((finding, workload, bound))
    for ref in sorted(blocked):
        item = case.graph.snap.find(ref)
        if isinstance(item, LimitRange):
            yield _diagnosis(case, item, blocked[ref])


def _that_sets(case: Case, namespace: str, bound: Bound) -> LimitRange | None:
    """The newest one that sets this bound: an older one let the pods pass."""
    found = [
        item
        for item in case.graph.snap.of(LimitRange)
        if item.metadata.namespace == namespace and any(items_with(item, bound))
    ]
    return max(
        found,
        key=lambda item: (str(item.metadata.creation_timestamp), item.metadata.name),
        default=None,
    )


def _diagnosis(case: Case, item: LimitRange, blocked: Blocked) -> Diagnosis:
    bounds = list(dict.fromkeys(bound for _, _, bound in blocked))
    first = bounds[0]
    path = f"{FIELD}[type={first.type}].{first.part}{quoted(first.resource)}"
    field = path if len(bounds) == 1 else FIELD
    facts = _facts(case, item, blocked)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(item),
        field=field,
        observed=", ".join(
            f"{bound.part} {bound.resource} {bound.value} per {bound.type}" for bound in bounds
        ),
        expected=(
            "no such LimitRange, as when the workloads were made"
            if "newer_range" in facts
            else "as it was"
            if "limits_patch" in facts
            else None
        ),
        confidence=_confidence(case, facts, blocked),
        facts=facts | case.changed(item, FIELD),
        evidence=(
            *case.field_evidence(item, FIELD),
            *(piece for finding, _, _ in blocked[:SHOWN_PODS] for piece in finding.evidence),
            field_evidence(item, "metadata.creationTimestamp"),
        ),
        explains=case.present(
            key
            for finding, workload, _ in blocked
            for key in (finding.key, *case.consequences(workload))
        ),
        check="kubectl describe limitrange: did it come, or change, before the pods were lost?",
    )


def _confidence(case: Case, facts: dict[str, Any], blocked: Blocked) -> float:
    """Lower where the workloads' own resources were changed: then the change is wrong."""
    if "newer_range" in facts or "limits_patch" in facts:
        return 0.95
    changed = any(
        case.known_good.workload_field(
            workload, f"spec.template.spec.containers[name={container.name}].resources"
        )
        for _, workload, _ in blocked
        for container in workload.spec.template.spec.containers
    )
    return 0.5 if changed else 0.85


def _facts(case: Case, item: LimitRange, blocked: Blocked) -> dict[str, Any]:
    stuck = {
        f"{holder.KIND.lower()}/{holder.metadata.name}"
        for _, workload, _ in blocked
        for holder in holders(case.graph, workload)
    }
    facts: dict[str, Any] = {
        "namespace": item.metadata.namespace,
        "limit_range": item.metadata.name,
        "stuck": sorted(stuck),
        "nudge": f"{case.graph.snap.taken_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    good = case.known_good.object_field(item, FIELD)
    if good and isinstance(good[0].value, list):
        facts |= {"limits_patch": good[0].value, "source": good[0].source}
    if all(_is_newer(item, workload) for _, workload, _ in blocked):
        facts["newer_range"] = item.metadata.name
        facts.setdefault("source", "it is newer than every workload it blocks")
    return facts


def _is_newer(item: LimitRange, workload: Workload) -> bool:
    made, older = item.metadata.creation_timestamp, workload.metadata.creation_timestamp
    return made is not None and older is not None and made > older
