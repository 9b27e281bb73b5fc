"""A field of the pod template was changed, and the pods made from it do not work.

How we know: the new pods fail, and the template differs from a state that worked in fields that can
explain how they fail: what the scheduler reads, what kubelet needs, what the program sees. Labels,
annotations and fields without effect on this symptom are left out. It is general and therefore
never very sure: a cause that knows the field better comes first. It is surer when the change came
shortly before, when it is the only one, or when the logs and events speak of its value.

Known good: a recording, a Helm release, a folder of manifests, what was last applied, or the
rollout's history; of those the state with the fewest changes, one that is seen to work first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.blame import Stage, container_of, may_explain
from stratus_cli.kube.drift import telling_words, template_drift, the_variable
from stratus_cli.kube.fields import as_text
from stratus_cli.kube.states import Version, with_age
from stratus_cli.kube.suffering import Suffering, suffering
from stratus_cli.kube.timeline import LATER_S, SOON_S, began, newest, precedes, template_field_at
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import FieldEdit
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("template-changed", "the pod template was changed and its pods do not work")

PREFIX = "spec.template.spec."
MANY = 3  # up to this many changes are named together; a larger one is a release, not a slip
SUREST = 0.75
"""A cause that knows what the field means is surer than one that only knows that it changed."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per changed field that can explain it, for each workload that suffers."""
    for item in suffering(case.graph, case.findings):
        found = _explaining(case, item)
        if found is not None:
            yield from _diagnoses(case, item, *found)


def _explaining(case: Case, item: Suffering) -> tuple[Version, tuple[FieldEdit, ...]] | None:
    """The state to believe, and what changed since that can explain the symptom."""
    now = as_json(case.graph.snap, item.workload)
    found: list[tuple[bool, int, int, Version, tuple[FieldEdit, ...]]] = []
    for place, version in enumerate(case.known_good.versions(item.workload)):
        edits = _relevant(item, template_drift(version.item, now, whole=version.whole))
        if edits:
            found.append((not version.worked, len(edits), place, version, edits))
    if not found:
        return None
    *_, version, edits = min(found, key=lambda one: one[:3])
    return version, edits


def _relevant(item: Suffering, edits: Sequence[FieldEdit]) -> tuple[FieldEdit, ...]:
    """Those that can explain a finding; of the failing containers alone where any is of theirs."""
    kept = [
        edit
        for edit in edits
        if any(may_explain(stage, edit.path.removeprefix(PREFIX)) for stage in item.stages)
    ]
    failing = _failing_containers(item)
    theirs = [edit for edit in kept if container_of(edit.path.removeprefix(PREFIX)) in failing]
    return tuple(theirs or kept)


def _failing_containers(item: Suffering) -> frozenset[str]:
    """Names of the containers that are not ready; empty where the fault is not in one."""
    if Stage.SCHEDULING in item.stages or Stage.VOLUME in item.stages:
        return frozenset()
    names = {
        status.name
        for pod in item.pods
        for status in pod.status.init_container_statuses
        if not status.ready
    }
    if not names:
        names = {
            status.name
            for pod in item.pods
            for status in pod.status.container_statuses
            if not status.ready
        }
    return frozenset(names)


def _diagnoses(
    case: Case, item: Suffering, version: Version, edits: tuple[FieldEdit, ...]
) -> Iterator[Diagnosis]:
    named = _with_the_other_half([edit for edit in edits if _is_spoken_of(case, item, edit)], edits)
    chosen = named if 0 < len(named) <= MANY else list(edits)
    if len(chosen) > MANY:
        images = [edit for edit in chosen if edit.path.endswith(".image")]
        chosen = images or chosen[:MANY]
    sure = _confidence(case, item, version, chosen, edits, spoken_of=bool(named))
    facts = _facts(case, item, version, chosen)
    if len(chosen) < len(edits) and (patch := case.put_back(item.workload, version, edits)):
        facts["whole_patch"] = patch
    for edit in chosen:
        yield _diagnosis(case, item, version, edit, sure, facts)


def _with_the_other_half(named: Sequence[FieldEdit], edits: Sequence[FieldEdit]) -> list[FieldEdit]:
    """command and args are one thing: whoever changes both means them together."""
    halves = {
        edit.path.removesuffix(one) + other
        for edit in named
        for one, other in (("command", "args"), ("args", "command"))
        if edit.path.endswith(f".{one}")
    }
    return [edit for edit in edits if edit in named or edit.path in halves]


def _confidence(
    case: Case,
    item: Suffering,
    version: Version,
    chosen: Sequence[FieldEdit],
    edits: Sequence[FieldEdit],
    *,
    spoken_of: bool,
) -> float:
    if len(edits) == 1 or (spoken_of and len(chosen) == 1):
        sure = SUREST
    else:
        sure = 0.65 if len(chosen) <= MANY < len(edits) or len(edits) <= MANY else 0.5
    since = newest(*(template_field_at(case.graph, item.workload, edit.path) for edit in chosen))
    seen = _began(case, item)
    if seen is None:
        # Neither traffic nor refused pods say since when: at the latest since this look.
        seen, sure = case.graph.snap.taken_at, sure * 0.85
    lag = precedes(since, seen)
    if lag is None:
        return sure * 0.8
    if lag < 0:
        return 0.1  # it was wrong before
    if lag <= SOON_S:
        return sure
    return sure * (0.8 if lag <= LATER_S else 0.35)


def _began(case: Case, item: Suffering) -> datetime | None:
    return began(case.graph, item.pods) if item.pods else None


def _is_spoken_of(case: Case, item: Suffering, edit: FieldEdit) -> bool:
    """Whether logs or events of these pods name the value that is wrong, or what is missing."""
    text = " ".join(_words(case, item.pods[:SHOWN_PODS]))
    return any(word in text for word in telling_words(edit))


def _words(case: Case, pods: Iterable[Pod]) -> Iterator[str]:
    for pod in pods:
        yield from (event.message for event in case.graph.events_of(pod) if event.type == "Warning")
        statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
        for status in statuses:
            yield from (piece.value for piece in case.logs(pod, status.name))
            end = status.state.terminated or status.last_state.terminated
            yield end.message if end else ""


def _facts(
    case: Case, item: Suffering, version: Version, chosen: Sequence[FieldEdit]
) -> dict[str, object]:
    ref = ref_of(item.workload)
    facts: dict[str, object] = {
        "namespace": ref.namespace,
        "kind": ref.kind.lower(),
        "workload": ref.name,
        "source": with_age(version.source, version.age_s),
    }
    patch = case.put_back(item.workload, version, chosen)
    if patch:
        facts["patch"] = patch
    if version.revision is not None:
        facts["good_revision"] = version.revision
    return facts


def _diagnosis(
    case: Case,
    item: Suffering,
    version: Version,
    edit: FieldEdit,
    sure: float,
    facts: dict[str, object],
) -> Diagnosis:
    field = the_variable(edit)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(item.workload),
        field=field,
        observed=as_text(edit.after),
        expected=as_text(edit.before),
        confidence=round(min(sure, SUREST), 2),
        facts=facts | case.changed(item.workload, edit.path),
        evidence=(
            case.whole_evidence(item.workload, field),
            *(piece for finding in item.findings[:SHOWN_PODS] for piece in finding.evidence),
        ),
        explains=case.present(
            (
                *(finding.key for finding in item.findings),
                *case.consequences(item.workload),
            )
        ),
        check=f"put {field} back on one pod, or compare with {version.source}",
    )
