"""A CronJob's template was changed, and its runs fail since.

How we know: its newest runs fail or cannot start, and its template differs from that of a run that
completed, or from a known-good state of the CronJob. Completed Jobs are its history: each keeps the
template that it ran with.

Known good: the template of the last completed Job; the CronJob in a recording or as last applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Explained
from stratus_cli.kube.batch import ended, ended_at, jobs_of, pods_of_job
from stratus_cli.kube.drift import telling_words, template_drift
from stratus_cli.kube.evidence import log_evidence
from stratus_cli.kube.fields import as_text
from stratus_cli.kube.pods import is_failing, is_live
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import ABSENT, FieldEdit
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence, Severity
from stratus_cli.model.objects_batch import CronJob
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("job-template-changed", "the CronJob's template was changed")

PREFIX = "spec.jobTemplate."
LONGEST = 200  # characters of a value shown
DEADLINE = "activeDeadlineSeconds"
MOST_STUCK = 3  # runs that one plan ends; with more of them somebody has to look


@dataclass(frozen=True)
class Good:
    """The spec of a Job that worked, and where it is from."""

    spec: Mapping[str, Any]
    source: str
    whole: bool


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per changed field of a CronJob whose runs fail."""
    for item, symptoms in _failing(case).items():
        cron_job = case.graph.snap.find(item)
        if not isinstance(cron_job, CronJob):
            continue
        now: dict[str, Any] = {
            "kind": "Job",
            "spec": _job_spec(as_json(case.graph.snap, cron_job)),
        }
        for good in _sources(case, cron_job):
            before = {"kind": "Job", "spec": good.spec}
            edits = (
                *_own_edits(good.spec, now["spec"]),
                *template_drift(before, now, whole=good.whole),
            )
            if edits:
                yield from _diagnoses(case, cron_job, edits, good, symptoms)
                break


def _failing(case: Case) -> Mapping[Ref, Explained]:
    """CronJobs whose runs fail, with what says so."""
    found: dict[Ref, list[tuple[str, Ref]]] = {}
    for finding in case.findings:
        subject = case.graph.snap.find(finding.ref)
        if finding.severity < Severity.DEGRADED or subject is None:
            continue
        owner = case.graph.top_owner(subject)
        if finding.rule == "BAT902" or (finding.rule.startswith("POD") and subject is not owner):
            if isinstance(owner, CronJob):
                found.setdefault(ref_of(owner), []).append(finding.key)
    return {ref: tuple(keys) for ref, keys in sorted(found.items())}


def _sources(case: Case, cron_job: CronJob) -> Iterator[Good]:
    jobs = [job for job in jobs_of(case.graph, cron_job) if (end := ended(job)) is not None]
    jobs.sort(key=lambda job: str(ended_at(job)), reverse=True)
    for job in jobs:
        end = ended(job)
        if end is not None and end.type == "Complete":
            spec = as_json(case.graph.snap, job).get("spec")
            name = job.metadata.name
            yield Good(spec if isinstance(spec, dict) else {}, f"Job {name}, which completed", True)
            break
    for version in case.known_good.versions(cron_job):
        yield Good(_job_spec(version.item), version.source, version.whole)


def _job_spec(cron_job: Mapping[str, Any]) -> Mapping[str, Any]:
    node: Any = cron_job
    for name in ("spec", "jobTemplate", "spec"):
        node = node.get(name) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _own_edits(good: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[FieldEdit]:
    """A Job's own limit of time, where it is shorter than one that was enough."""
    before, after = good.get(DEADLINE), now.get(DEADLINE)
    if isinstance(after, int) and (before is None or (isinstance(before, int) and after < before)):
        yield FieldEdit(f"spec.{DEADLINE}", ABSENT if before is None else before, after)


def _relevant(case: Case, cron_job: CronJob, edits: tuple[FieldEdit, ...]) -> tuple[FieldEdit, ...]:
    """Where runs end for lack of time, the limit alone if that was changed; else all."""
    late = any(
        (end := ended(job)) is not None and end.reason == "DeadlineExceeded"
        for job in jobs_of(case.graph, cron_job)
    )
    limits = tuple(edit for edit in edits if edit.path == f"spec.{DEADLINE}")
    if late and limits:
        return limits
    return tuple(edit for edit in edits if late or edit not in limits)


def _diagnoses(
    case: Case,
    cron_job: CronJob,
    edits: tuple[FieldEdit, ...],
    good: Good,
    symptoms: Explained,
) -> Iterator[Diagnosis]:
    """All the changed fields, or the one of which a log speaks."""
    edits = _relevant(case, cron_job, edits)
    lines = list(_lines(case, cron_job))
    named = [edit for edit in edits if any(_speaks(line, edit) for _, _, line in lines)]
    chosen = named if len(named) == 1 else edits
    for edit in chosen:
        told = [item for item in lines if _speaks(item[2], edit)] or lines[-1:]
        yield _diagnosis(case, cron_job, edit, good, symptoms, told, alone=len(chosen) == 1)


def _diagnosis(
    case: Case,
    cron_job: CronJob,
    edit: FieldEdit,
    good: Good,
    symptoms: Explained,
    lines: list[tuple[Ref, str, str]],
    *,
    alone: bool,
) -> Diagnosis:
    ref, field = ref_of(cron_job), PREFIX + edit.path
    facts: dict[str, Any] = {"namespace": ref.namespace, "cron_job": ref.name}
    facts["source"] = good.source
    # A pod that cannot start has no deadline: its Job keeps the template that it was made with.
    stuck = _stuck(case, cron_job) if any(rule.startswith("POD") for rule, _ in symptoms) else []
    if len(stuck) <= MOST_STUCK:
        facts |= {f"stuck_job_{place}": name for place, name in enumerate(stuck, 1)}
    with suppress(ValueError):  # an element that is gone has no place to go back to
        facts["patch"] = put_back(as_json(case.graph.snap, cron_job), {field: edit.before})
    seen = as_text(edit.after)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=field,
        observed=seen[:LONGEST],
        expected="not set" if edit.before is ABSENT else as_text(edit.before)[:LONGEST],
        confidence=0.93 if alone else 0.8,
        facts=facts | case.changed(cron_job, field),
        evidence=(
            Evidence("object", ref, field, seen),
            *(log_evidence(pod, name, previous=False, line=line) for pod, name, line in lines[:2]),
        ),
        explains=symptoms,
        check=f"run it once with the former value: kubectl create job --from=cronjob/{ref.name} t",
    )


def _stuck(case: Case, cron_job: CronJob) -> list[str]:
    """Its runs whose pods do not get on."""
    return [
        job.metadata.name
        for job in jobs_of(case.graph, cron_job)
        if ended(job) is None
        and any(is_failing(case.graph, pod) for pod in pods_of_job(case.graph, job) if is_live(pod))
    ]


def _lines(case: Case, cron_job: CronJob) -> Iterator[tuple[Ref, str, str]]:
    """What the pods of its failing runs wrote."""
    for job in jobs_of(case.graph, cron_job)[:SHOWN_PODS]:
        pods: set[Ref] = {ref_of(pod) for pod in pods_of_job(case.graph, job) if _failed(pod)}
        for tail in case.graph.snap.signals.logs:
            if tail.pod in pods:
                yield from ((tail.pod, tail.container, line) for line in tail.lines if line.strip())


def _failed(pod: Pod) -> bool:
    return pod.status.phase != "Succeeded"


def _speaks(line: str, edit: FieldEdit) -> bool:
    words = {word for word in telling_words(edit) if len(word) > 2}
    return any(word in line for word in words)
