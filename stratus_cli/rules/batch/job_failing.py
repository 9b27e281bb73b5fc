"""BAT902 job-failing: a Job failed, or its pods keep failing.

Why it hurts: the work (a backup, a migration, a report) is not done, and nobody calls a Job, so no
request fails. A CronJob's next run fails the same way.

How we tell: of a CronJob, the run that ended last failed and at least two were due since one
succeeded; of a Job of its own, it failed less than an hour ago; of one that is at work, two or more
pods failed and none succeeded.

Not this when: a later run succeeded; the CronJob's template was changed since; one run failed and
the next is not due yet (a risk); a Job failed long ago and nobody removed it (a risk).

First look: the condition's reason: BackoffLimitExceeded (its pods fail) or DeadlineExceeded.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.batch import cron_jobs, ended, ended_at, jobs_of, lone_jobs, schedule_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import age_s
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("BAT902", "job-failing", Severity.DEGRADED, needs=("Job", "CronJob"))

FRESH_S = 3600.0  # our choice: who started it by hand or in a deploy looks within the hour
RUNS = 2  # one failure is retried by the next run
PODS = 2


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per CronJob or Job."""
    for cron_job in cron_jobs(graph):
        job = _last_failed(graph, cron_job)
        if job is not None:
            bad = _due_since_success(graph, cron_job) >= RUNS and not cron_job.spec.suspend
            yield _failed(cron_job, job, bad=bad)
    for job in graph.snap.of(Job):
        if ended(job) is None and job.status.failed >= PODS and not job.status.succeeded:
            if _is_current(graph, job):
                yield _at_work(graph, job)
    for job in lone_jobs(graph):
        end = ended(job)
        if end is not None and end.type == "Failed":
            yield _failed(job, job, bad=age_s(graph, ended_at(job)) <= FRESH_S)


def _last_failed(graph: Graph, cron_job: CronJob) -> Job | None:
    """The run that ended last, if it failed and no run of it fails right now."""
    jobs = jobs_of(graph, cron_job)
    if any(ended(job) is None and job.status.failed >= PODS for job in jobs):
        return None
    done = [job for job in jobs if ended(job) is not None]
    last = max(done, key=lambda job: (str(ended_at(job)), job.metadata.name), default=None)
    end = ended(last) if last is not None else None
    if last is None or end is None or end.type != "Failed":
        return None
    return last if _is_current(graph, last) else None


def _is_current(graph: Graph, job: Job) -> bool:
    """A run of a template that was changed since says nothing about the next one."""
    owner = graph.controller_of(job)
    if not isinstance(owner, CronJob):
        return True
    wanted = owner.spec.job_template.spec
    return (
        job.spec.template.spec == wanted.template.spec
        and job.spec.active_deadline_seconds == wanted.active_deadline_seconds
    )


def _due_since_success(graph: Graph, cron_job: CronJob) -> int:
    since = cron_job.status.last_successful_time or cron_job.metadata.creation_timestamp
    due = schedule_of(cron_job)
    if due is None or since is None:
        return 0
    return due.due(since, graph.snap.taken_at, RUNS)


def _failed(owner: CronJob | Job, job: Job, *, bad: bool) -> Finding:
    end = ended(job)
    reason = end.reason if end is not None else ""
    which = "it" if owner is job else f"its last run {job.metadata.name}"
    return META.finding(
        ref_of(owner),
        f"{which} failed: {reason or 'no reason given'}",
        severity=Severity.DEGRADED if bad else Severity.RISK,
        evidence=(
            field_evidence(job, "status.conditions[type=Failed].status"),
            field_evidence(job, "status.conditions[type=Failed].reason"),
        ),
    )


def _at_work(graph: Graph, job: Job) -> Finding:
    owner = graph.top_owner(job)
    return META.finding(
        ref_of(owner if isinstance(owner, CronJob) else job),
        f"{job.status.failed} pods of Job {job.metadata.name} failed and none succeeded",
        evidence=(field_evidence(job, "status.failed"),),
    )
