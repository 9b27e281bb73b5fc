"""BAT901 held-open: a Job's work is done, and another container of its pod keeps it running.

Why it hurts: the Job never completes. Its CronJob piles up Jobs, or makes none any more where
concurrency is forbidden; each one holds its memory and its node.

How we tell: a container of the pod ended with 0 more than a minute ago, all others run on, and it
is not the first time: two Jobs of one CronJob are held open by the same container, or a run was
due and not made, or it has lasted for ten minutes.

Not this when: a Job with the same container did complete (it ends by itself, later); the CronJob's
template no longer has that container beside the work; it is a native sidecar.

First look: `kubectl get pod`: READY 1/2 and NotReady; which container is meant to stop by itself?
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.batch import (
    HeldOpen,
    cron_jobs,
    ended,
    held_open,
    jobs_of,
    lone_jobs,
    schedule_of,
)
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import age_s
from stratus_cli.model.finding import Confidence, Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("BAT901", "held-open", Severity.DEGRADED, needs=("Pod", "Job", "CronJob"))

JUST_DONE_S = 60.0  # a sidecar that is told to stop has 30 s of grace by default; twice that
LASTS_S = 600.0  # our choice, as for restarts: after ten minutes nothing is about to end
SHOWN = 2


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per CronJob, or per Job that nothing made."""
    for cron_job in cron_jobs(graph):
        held = [it for job in jobs_of(graph, cron_job) for it in held_open(graph, job)]
        held = [it for it in held if _is_still_so(cron_job, it) and not _ends(graph, cron_job, it)]
        if any(age_s(graph, it.since) > JUST_DONE_S for it in held):
            jobs = {it.job.metadata.name for it in held}
            bad = len(jobs) > 1 or _was_skipped(graph, cron_job, held) or _lasts(graph, held)
            yield _finding(cron_job, held, bad=bad)
    for job in lone_jobs(graph):
        held = [it for it in held_open(graph, job) if age_s(graph, it.since) > JUST_DONE_S]
        if held:
            yield _finding(job, held, bad=_lasts(graph, held))


def _is_still_so(cron_job: CronJob, held: HeldOpen) -> bool:
    names = {item.name for item in cron_job.spec.job_template.spec.template.spec.containers}
    return all(part.status.name in names for part in held.holding)


def _ends(graph: Graph, cron_job: CronJob, held: HeldOpen) -> bool:
    """Whether a Job with the same containers ended well."""
    wanted = {part.status.name for part in held.holding}
    return any(
        end is not None
        and end.type == "Complete"
        and wanted <= {item.name for item in job.spec.template.spec.containers}
        for job in jobs_of(graph, cron_job)
        for end in [ended(job)]
    )


def _was_skipped(graph: Graph, cron_job: CronJob, held: list[HeldOpen]) -> bool:
    """Concurrency is forbidden, and a run was due while this one was held open."""
    due = schedule_of(cron_job)
    if cron_job.spec.concurrency_policy != "Forbid" or cron_job.spec.suspend or due is None:
        return False
    return any(due.due(item.since, graph.snap.taken_at, 1) for item in held)


def _lasts(graph: Graph, held: list[HeldOpen]) -> bool:
    return any(age_s(graph, item.since) > LASTS_S for item in held)


def _finding(owner: CronJob | Job, held: list[HeldOpen], *, bad: bool) -> Finding:
    names = sorted({part.status.name for item in held for part in item.holding})
    jobs = len({item.job.metadata.name for item in held})
    done = sorted({part.status.name for item in held for part in item.done})
    return META.finding(
        ref_of(owner),
        f"{', '.join(names)} goes on in {jobs} Job(s) whose {', '.join(done)} is done",
        severity=Severity.DEGRADED if bad else Severity.RISK,
        confidence=Confidence.HIGH if jobs > 1 else Confidence.MEDIUM,
        evidence=tuple(piece for item in held[:SHOWN] for piece in _evidence(item)),
    )


def _evidence(held: HeldOpen) -> Iterator[Evidence]:
    for part in held.done:
        yield field_evidence(held.pod, f"{part.status_path}.state.terminated.exitCode")
    for part in held.holding:
        yield field_evidence(held.pod, f"{part.status_path}.state.running.startedAt")
