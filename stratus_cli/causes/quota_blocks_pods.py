"""A ResourceQuota refuses the pods that workloads need.

How we know: the API server names the quota when it refuses a pod: it demands a value that the pod
does not set, or it is used up. One quota is one root, however many workloads it blocks.

Known good: the quota's limits in a recording or as last applied. A quota that is newer than every
workload it blocks came after them, so taking it away puts back what was. How much a used-up quota
should allow is its owner's to say, so no number is proposed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, quoted
from stratus_cli.kube.refusals import QuotaRefusal, quota_refusal
from stratus_cli.kube.workloads import holders
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_scheduling import ResourceQuota
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("quota-blocks-pods", "a ResourceQuota refuses the pods")
FIELD = "spec.hard"

Blocked = list[tuple[Finding, Workload, QuotaRefusal]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per quota."""
    blocked: dict[Ref, Blocked] = defaultdict(list)
    for finding in case.of_rule("WRK202"):
        refusal = quota_refusal(finding.message)
        workload = case.graph.snap.find(finding.ref)
        if refusal is not None and isinstance(workload, Workload):
            ref = Ref("ResourceQuota", finding.ref.namespace, refusal.quota, "v1")
            blocked[ref].append((finding, workload, refusal))
    for ref in sorted(blocked):
        yield _diagnosis(case, ref, blocked[ref])


def _diagnosis(case: Case, ref: Ref, blocked: Blocked) -> Diagnosis:
    quota = case.graph.snap.find(ref)
    known = quota if isinstance(quota, ResourceQuota) else None
    resources = sorted({name for _, _, item in blocked for name in (*item.demands, *item.exceeded)})
    demands = sorted({name for _, _, item in blocked for name in item.demands})
    hard = known.spec.hard if known else {}
    shown = as_text({name: hard[name] for name in resources if name in hard})
    facts = _facts(case, known, ref, blocked, demands)
    first = blocked[0][1]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(known) if known else ref,
        field=f"{FIELD}{quoted(resources[0])}" if len(resources) == 1 else FIELD,
        observed=(
            f"{shown} demands {', '.join(demands)}, which the pods do not set"
            if demands
            else f"{shown} is used up"
        ),
        expected=_expected(facts),
        confidence=0.97 if known and not _is_late(known, first) else 0.85,
        facts=facts | (case.changed(known, FIELD) if known else {}),
        evidence=(
            *(case.field_evidence(known, FIELD) if known else ()),
            *(
                field_evidence(known, f"status.used{quoted(name)}")
                for name in resources
                if known and not demands
            ),
            *(item for finding, _, _ in blocked[:SHOWN_PODS] for item in finding.evidence),
        ),
        explains=case.present(
            key
            for finding, workload, _ in blocked
            for key in (
                finding.key,
                *case.consequences(workload),
                ("POL501", ref),
                ("POL502", ref),
            )
        ),
        check="kubectl describe resourcequota: did it come, or shrink, before the pods were lost?",
    )


def _facts(
    case: Case, quota: ResourceQuota | None, ref: Ref, blocked: Blocked, demands: list[str]
) -> dict[str, object]:
    stuck = [
        f"{holder.KIND.lower()}/{holder.metadata.name}"
        for _, workload, _ in blocked
        for holder in holders(case.graph, workload)
    ]
    facts: dict[str, object] = {
        "namespace": ref.namespace,
        "quota": ref.name,
        "stuck": sorted(set(stuck)),
        "nudge": f"{case.graph.snap.taken_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    if quota is None:
        return facts
    good = case.known_good.quota_hard(quota)
    if good and isinstance(good[0].value, dict):
        wanted = good[0].value
        gone = {key: None for key in sorted(quota.spec.hard) if key not in wanted}
        facts |= {"good_hard_patch": gone | wanted, "source": good[0].source}
    if all(_is_newer(quota, workload) for _, workload, _ in blocked):
        facts["newer_quota"] = ref.name
        facts.setdefault("source", "the quota is newer than every workload it blocks")
    if demands:
        facts["hard_patch"] = {name: None for name in demands if name in quota.spec.hard}
    return facts


def _expected(facts: dict[str, object]) -> str | None:
    if "newer_quota" in facts:
        return "no such quota, as when the workloads were made"
    if "good_hard_patch" in facts:
        return as_text(facts["good_hard_patch"])
    return "without these demands" if "hard_patch" in facts else None


def _is_newer(quota: ResourceQuota, workload: Workload) -> bool:
    made, older = quota.metadata.creation_timestamp, workload.metadata.creation_timestamp
    return made is not None and older is not None and made > older


def _is_late(quota: ResourceQuota, workload: Workload) -> bool:
    """The refusal began before the quota was there: then it is another quota's doing."""
    failure = next(
        (item for item in workload.status.conditions if item.type == "ReplicaFailure"), None
    )
    made = quota.metadata.creation_timestamp
    began = failure.last_transition_time if failure else None
    return made is not None and began is not None and began < made
