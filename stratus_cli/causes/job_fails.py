"""A Job's pods end at once, for a reason that their end itself tells.

How we know: the pods of failing runs ended because their command is missing, or were killed for
memory under a limit; or the Job was ended by its own time limit. What the program itself reports is
for its log.

Known good: none here. Where a run of the CronJob completed with another template, that is another
cause, and surer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.batch import ended, jobs_of, pods_of_job
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pods import START_REASONS, Part, parts
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence, Finding
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("job-fails", "a Job's pods cannot do their work")

SHELL_CODES = (126, 127)  # POSIX shells: found but not executable; not found
DEADLINE = "DeadlineExceeded"  # pkg/apis/batch: JobReasonDeadlineExceeded


@dataclass(frozen=True)
class Reason:
    """The field below the Job's spec that the end points to, how sure, and what shows it."""

    field: str
    sure: float
    evidence: tuple[Evidence, ...]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Job or CronJob whose runs fail for such a reason."""
    for finding in case.of_rule("BAT902"):
        owner = case.graph.snap.find(finding.ref)
        if not isinstance(owner, CronJob | Job):
            continue
        jobs = jobs_of(case.graph, owner) if isinstance(owner, CronJob) else (owner,)
        failing = [job for job in jobs if job.status.failed or _is_late(job)]
        reason = next((it for job in failing for it in _reasons(case, job)), None)
        if reason is not None:
            yield _diagnosis(case, owner, reason, finding)


def _is_late(job: Job) -> bool:
    end = ended(job)
    return end is not None and end.reason == DEADLINE


def _reasons(case: Case, job: Job) -> Iterator[Reason]:
    """The newest pods first tell why they ended; the Job's own limit of time else."""
    for pod in reversed(pods_of_job(case.graph, job)):
        for part in parts(pod):
            end = part.last_end
            field = _field(part)
            if end is None or not field or read(pod.spec, f"{part.spec_path}.{field}") is ABSENT:
                continue
            shown = tuple(
                field_evidence(pod, f"{part.end_path}.{name}") for name in ("reason", "exitCode")
            )
            yield Reason(f"spec.template.spec.{part.spec_path}.{field}", 0.8, shown)
    if _is_late(job) and job.spec.active_deadline_seconds is not None:
        path = "status.conditions[type=Failed].reason"
        yield Reason("spec.activeDeadlineSeconds", 0.6, (field_evidence(job, path),))


def _field(part: Part) -> str:
    """What of the container its end points to; "" where it tells nothing."""
    end = part.last_end
    if end is None or end.exit_code == 0:
        return ""
    if end.reason == "OOMKilled":
        return "resources.limits.memory"
    return "command" if end.reason in START_REASONS or end.exit_code in SHELL_CODES else ""


def _diagnosis(case: Case, owner: CronJob | Job, reason: Reason, finding: Finding) -> Diagnosis:
    ref = ref_of(owner)
    field = f"spec.jobTemplate.{reason.field}" if isinstance(owner, CronJob) else reason.field
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=field,
        observed=as_text(read(owner, field)),
        expected=None,
        confidence=reason.sure,
        facts={"namespace": ref.namespace, "name": ref.name, "kind": ref.kind.lower()},
        evidence=(*case.field_evidence(owner, field), *reason.evidence[: SHOWN_PODS * 2]),
        explains=(finding.key,),
        check=f"kubectl -n {ref.namespace} describe pods of {ref.name}: how did they end?",
    )
