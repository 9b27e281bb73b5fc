"""An object that a suffering workload depends on was changed shortly before the trouble began.

How we know: the object (a Service, a ConfigMap, a policy, a role, a quota, an autoscaler, or the
workload that is called) differs from a state in which all was well, in a field that can explain
this kind of symptom; it was changed before the symptom began and not long before; and requests of
the workload that suffers pass it, or its pods need it. It is general and therefore never very sure:
a cause that knows the field comes first. The farther away the object is, and the more else was
changed, the less sure.

Known good: a recording, a Helm release, a folder of manifests, what was last applied, or the
rollout's history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.blame import Stage, field_matters
from stratus_cli.kube.diff import of_whole_values
from stratus_cli.kube.drift import drift
from stratus_cli.kube.fields import as_text
from stratus_cli.kube.lately import edited_at
from stratus_cli.kube.reach import reach
from stratus_cli.kube.states import Version, with_age
from stratus_cli.kube.suffering import Suffering, suffering
from stratus_cli.kube.timeline import (
    LATER_S,
    SOON_S,
    began,
    last_change_at,
    newest,
    precedes,
    template_field_at,
)
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import FieldEdit
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("object-changed", "something that it depends on was changed shortly before")

SURE = (0.7, 0.6, 0.5, 0.45, 0.4)
"""By the number of calls between the object and who suffers."""
MANY = 3
"""Changes named together; with more of them at once none stands out."""
TEMPLATE = "spec.template.spec."
REPLICAS = "spec.replicas"


Found = tuple[Version, tuple[FieldEdit, ...]]
Known = dict[tuple[Ref, bool, tuple[Stage, ...]], Found | None]
"""What many workloads share is compared once."""


@dataclass(frozen=True)
class Changed:
    """One object with what changed in it. lag_s: from then to the symptom."""

    item: KubeObject
    distance: int
    version: Version
    edits: tuple[FieldEdit, ...]
    lag_s: float


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per changed field, for each workload that suffers."""
    known: Known = {}
    for who in suffering(case.graph, case.findings):
        found = tuple(_changed(case, who, known))
        if not found:
            continue
        number = sum(len(item.edits) for item in found)
        for item in found:
            yield from _diagnoses(case, who, item, number)


def _changed(case: Case, who: Suffering, known: Known) -> Iterator[Changed]:
    """The objects within reach that differ from a state that worked and were edited in time."""
    felt = any(stage in (Stage.TRAFFIC, Stage.RUNNING, Stage.INIT) for stage in who.stages)
    since = began(case.graph, who.pods) if who.pods else None
    # Traffic does not say when it began: the look is the last moment at which it can have.
    since = since or case.graph.snap.taken_at
    for item, distance in reach(case.graph, who.workload, calls=felt):
        is_own = distance == 0 and item.metadata.uid == who.workload.metadata.uid
        key = (ref_of(item), is_own, who.stages)
        if key not in known:
            known[key] = _best(case, who, item, is_own=is_own)
        best = known[key]
        if best is None:
            continue
        lag = precedes(_edited(case, item, best[1]), since)
        if lag is not None and 0 <= lag <= LATER_S:
            yield Changed(item, distance, *best, lag)


def _best(case: Case, who: Suffering, item: KubeObject, *, is_own: bool) -> Found | None:
    """The state with the fewest changes that matter."""
    now = as_json(case.graph.snap, item)
    found: list[tuple[bool, int, int]] = []
    kept: list[tuple[Version, tuple[FieldEdit, ...]]] = []
    for version in case.known_good.versions(item):
        edits = tuple(
            edit
            for edit in drift(version.item, now, whole=version.whole)
            if not (is_own and edit.path.startswith("spec.template."))
            and not (edit.path == REPLICAS and _is_no_loss(case, item, edit))
            and any(field_matters(item.KIND, stage, edit.path) for stage in who.stages)
        )
        if edits:
            found.append((not version.worked, len(edits), len(kept)))
            kept.append((version, edits))
    return kept[min(found)[2]] if found else None


def _is_no_loss(case: Case, item: KubeObject, edit: FieldEdit) -> bool:
    """Whether there are as many replicas as before, or an autoscaler says how many."""
    before = edit.before if isinstance(edit.before, int) else 1
    after = edit.after if isinstance(edit.after, int) else 1
    is_scaled = isinstance(item, Workload) and case.graph.autoscaler_of(item) is not None
    return is_scaled or after >= before


def _edited(case: Case, item: KubeObject, edits: Sequence[FieldEdit]) -> datetime | None:
    """When these fields were changed; a field that was taken out has no time of its own."""
    if isinstance(item, Workload) and any(edit.path.startswith(TEMPLATE) for edit in edits):
        since = (template_field_at(case.graph, item, edit.path) for edit in edits)
        return newest(*since)
    times = [
        time for edit in edits if (time := last_change_at(item, _outer(edit.path))) is not None
    ]
    return max(times, default=None) or edited_at(item) or item.metadata.creation_timestamp


def _outer(path: str) -> str:
    """The field that managedFields know: not what is inside a text."""
    return path.partition("#")[0]


def _diagnoses(case: Case, who: Suffering, changed: Changed, number: int) -> Iterator[Diagnosis]:
    sure = SURE[min(changed.distance, len(SURE) - 1)]
    if changed.lag_s > SOON_S:
        sure *= 0.8
    if number > MANY:
        sure *= 0.6
    item, version = changed.item, changed.version
    ref = ref_of(item)
    now = as_json(case.graph.snap, item)
    whole = of_whole_values(changed.edits, dict(version.item), now)
    facts: dict[str, object] = {"name": ref.name, "source": with_age(version.source, version.age_s)}
    if ref.namespace:
        facts |= {"namespace": ref.namespace, "kind": ref.kind.lower()}
    else:
        facts["cluster_kind"] = ref.kind.lower()
    patch = case.put_back(item, version, whole)
    if patch:
        facts["patch"] = patch
    for edit in changed.edits:
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=ref,
            field=edit.path,
            observed=as_text(edit.after),
            expected=as_text(edit.before),
            confidence=round(sure, 2),
            facts=facts | case.changed(item, _outer(edit.path)),
            evidence=(
                case.whole_evidence(item, edit.path),
                *(piece for finding in who.findings[:SHOWN_PODS] for piece in finding.evidence),
            ),
            explains=case.present(
                (*(finding.key for finding in who.findings), *case.consequences(who.workload))
            ),
            check=f"put {edit.path} back as {version.source} has it, and see whether it ends",
        )
