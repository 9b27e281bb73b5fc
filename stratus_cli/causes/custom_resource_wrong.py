"""A field of a custom resource makes what its operator runs fail.

How we know: a workload that a custom resource controls fails; a field of that resource was set
later than it was made, and its operator then made or changed the workload. A field that differs
from a recording or what was declared, whose value the failure quotes or that stands in the workload
as it is, is surest. What the operator made is not changed itself: it would be put back. Or there is
no such workload, and the operator's log says that the API server refuses one of the resource's name
because of a field that was set so.

Known good: that field in a recording, a release or as last applied. Otherwise the number of
replicas that are ready, or the field left out so that the operator's default counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.custom import word_of
from stratus_cli.kube.custom_edits import (
    Edit,
    edits_of,
    is_named_in,
    is_refused_in,
    shows_in,
    was_acted_on,
)
from stratus_cli.kube.custom_owners import custom_owner
from stratus_cli.kube.fields import as_text
from stratus_cli.kube.operators import invalid_objects
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_custom import CustomObject
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("custom-resource-wrong", "a field of a custom resource makes its workload fail")
MOST_ROOTS = 3  # more fields than that were changed at once: nothing tells them apart
WELL = ("NET", "SLO")  # findings of what goes on between workloads


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per field, of each custom resource whose workloads fail."""
    failing: dict[Ref, list[Finding]] = defaultdict(list)
    owners: dict[Ref, tuple[CustomObject, KubeObject]] = {}
    for finding in case.findings:
        item = case.graph.snap.find(finding.ref)
        if finding.severity < Severity.DEGRADED or item is None or finding.rule.startswith(WELL):
            continue
        child = _child(case, item)
        owner = custom_owner(case.graph, child)
        if owner is not None:
            owners[ref_of(owner)] = (owner, case.graph.top_owner(child))
            failing[ref_of(owner)].append(finding)
    for ref in sorted(owners):
        owner, child = owners[ref]
        yield from _diagnoses(case, owner, child, failing[ref])
    yield from _not_made(case, owners)


def _not_made(case: Case, known: Container[Ref]) -> Iterator[Diagnosis]:
    """What an operator cannot make, as its log says: one per field that was set so."""
    told: dict[tuple[Ref, str], tuple[CustomObject, Edit, list[Finding]]] = {}
    lines = invalid_objects(case.graph)
    owners = [item for item in _custom(case) if ref_of(item) not in known] if lines else []
    for line in lines:
        pod = case.graph.snap.find(line.pod)
        operator = ref_of(case.graph.top_owner(pod)) if pod is not None else line.pod
        findings = [item for item in case.of_rule("SLO006") if item.ref == operator]
        for owner in owners if findings else ():
            name = owner.metadata.name
            if line.name == name or line.name.startswith(f"{name}-"):
                for edit in edits_of(owner):
                    if is_refused_in(edit, line.why):
                        told.setdefault((ref_of(owner), edit.path), (owner, edit, findings))
    for owner, edit, findings in told.values():
        yield _diagnosis(case, owner, edit, findings, sure=True)


def _custom(case: Case) -> Iterator[CustomObject]:
    for items in case.graph.snap.objects.values():
        yield from (item for item in items if isinstance(item, CustomObject))


def _child(case: Case, item: KubeObject) -> KubeObject:
    """A claim of a StatefulSet stands for its StatefulSet: nothing else ties the two."""
    if not isinstance(item, PersistentVolumeClaim):
        return item
    for pod in case.graph.pods_in(item.metadata.namespace):
        claims = (volume.persistent_volume_claim for volume in pod.spec.volumes)
        if any(claim and claim.claim_name == item.metadata.name for claim in claims):
            return pod
    return item


def _diagnoses(
    case: Case, owner: CustomObject, child: KubeObject, findings: list[Finding]
) -> Iterator[Diagnosis]:
    pods = case.graph.pods_of(child) if isinstance(child, Workload) else ()
    bad = tuple(pod for pod in pods if any(item.ref == ref_of(pod) for item in findings))
    edits = [edit for edit in edits_of(owner) if was_acted_on(case.graph, edit, child)]
    known = [edit for edit in edits if _good(case, owner, edit) is not None]
    texts = tuple(piece.value for item in findings for piece in item.evidence)
    named = [edit for edit in known or edits if is_named_in(edit, texts)]
    shown = [edit for edit in named or known or edits if shows_in(edit, child, bad or pods)]
    chosen = shown or named or known or edits
    newest = [edit for edit in chosen if edit.at == chosen[0].at] if chosen else []
    if not newest or len(newest) > MOST_ROOTS:
        return
    for edit in newest:
        sure = edit in shown or edit in named or edit in known
        yield _diagnosis(case, owner, edit, findings, sure=sure)


def _diagnosis(
    case: Case, owner: CustomObject, edit: Edit, findings: list[Finding], *, sure: bool
) -> Diagnosis:
    good = _good(case, owner, edit)
    meta = owner.metadata
    facts: dict[str, object] = {
        "namespace": meta.namespace,
        "custom_resource": f"{word_of(owner.KIND, owner.API_VERSION)}/{meta.name}",
    }
    now = as_json(case.graph.snap, owner)
    if good is not None:
        facts |= {"put_back": put_back(now, {edit.path: good.value}), "source": good.source}
    elif edit.path.endswith(".replicas") and isinstance(edit.value, int):
        number = max(1, _ready(case, findings))
        facts |= {"fewer": put_back(now, {edit.path: number}), "source": "the pods that are ready"}
    else:
        facts |= {"left_out": put_back(now, {edit.path: None}), "source": "the operator's default"}
    # A cause that blames what the operator made would have it changed, and the operator puts it
    # back: so the custom resource comes first where it is sure.
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(owner),
        field=edit.path,
        observed=as_text(edit.value),
        expected=as_text(good.value) if good else None,
        confidence=0.98 if sure else 0.8,
        facts=facts | case.changed(owner, edit.path),
        evidence=(
            *case.field_evidence(owner, edit.path),
            *(piece for item in findings[:2] for piece in item.evidence),
        ),
        explains=case.present(
            key for item in findings for key in (item.key, *_consequences(case, item))
        ),
        check="what does the operator's log say about this resource since the field was set?",
    )


def _consequences(case: Case, finding: Finding) -> tuple[tuple[str, Ref], ...]:
    item = case.graph.snap.find(finding.ref)
    return case.consequences(case.graph.top_owner(item)) if item is not None else ()


def _good(case: Case, owner: CustomObject, edit: Edit) -> KnownGood | None:
    found = case.known_good.object_field(owner, edit.path)
    return found[0] if found else None


def _ready(case: Case, findings: list[Finding]) -> int:
    """Ready replicas of the workload that the findings are about."""
    for finding in findings:
        item = case.graph.snap.find(finding.ref)
        top = case.graph.top_owner(item) if isinstance(item, Pod) else item
        if isinstance(top, Workload):
            return top.status.ready_replicas
    return 0
