"""BAT903 not-run: a CronJob's runs are due and not made.

Why it hurts: backups, clean-ups and renewals stop without any error, and are missed weeks later.

How we tell: it was suspended less than a day ago after it had been at work, and a run has been due
since; or it is not suspended and at least two runs were due since its last; or its schedule names
a day that never comes.

Not this when: it was suspended when it was made, long ago, or by Stratus itself to stop it; the
schedule is younger than its next run; a run is still at work and others are forbidden beside it (a
risk, unless it takes more than twice as long as any run that ended).

First look: `kubectl describe cronjob`: its events JobAlreadyActive, TooManyMissedTimes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from stratus_cli.kube.batch import cron_jobs, ended, ended_at, jobs_of, schedule_of
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import age_s
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_batch import CronJob
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("BAT903", "not-run", Severity.DEGRADED, needs=("Job", "CronJob"))

PARKED_AFTER_S = 24 * 3600.0  # DESIGN.md, Health: what was switched off for a day is parked
MISSED = 2  # the controller may be a few seconds late for one
SLOW_S = 60.0  # the controller's own delay: it looks every ten seconds, with a queue before it
OURS = "stratus"  # field manager of what Stratus writes


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per CronJob."""
    for item in cron_jobs(graph):
        if item.spec.suspend:
            yield from _suspended(graph, item)
            continue
        due = schedule_of(item)
        since = _since(item)
        if due is None or since is None:
            continue
        if due.after(graph.snap.taken_at) is None:
            yield _finding(item, "its schedule names a day that never comes", "spec.schedule")
        elif _missed(graph, item, since) >= MISSED:
            path, severity = "status.lastScheduleTime", _severity(graph, item)
            yield _finding(item, "runs were due and not made", path, severity)


def _suspended(graph: Graph, item: CronJob) -> Iterator[Finding]:
    change = last_change(item, "spec.suspend")
    if change is None or change.at_creation or change.manager == OURS:
        return
    if age_s(graph, change.at) > PARKED_AFTER_S or item.status.last_schedule_time is None:
        return
    bad = _missed(graph, item, change.at) >= 1
    yield META.finding(
        ref_of(item),
        f"suspended, {change}",
        severity=Severity.DEGRADED if bad else Severity.RISK,
        confidence=Confidence.MEDIUM,
        evidence=(field_evidence(item, "spec.suspend"),),
    )


def _since(item: CronJob) -> datetime | None:
    """From when its present schedule should have run: its last run, or when that was written."""
    change = last_change(item, "spec.schedule")
    times = [item.status.last_schedule_time, change.at if change else None]
    resumed = last_change(item, "spec.suspend")
    times += [item.metadata.creation_timestamp, resumed.at if resumed else None]
    return max((time for time in times if time is not None), default=None)


def _missed(graph: Graph, item: CronJob, since: datetime) -> int:
    """How many runs were due since then, those left out that may just be late."""
    due = schedule_of(item)
    until = graph.snap.taken_at - timedelta(seconds=SLOW_S)
    return due.due(since, until, MISSED) if due is not None else 0


def _severity(graph: Graph, item: CronJob) -> Severity:
    """A risk while a run is at work that may just be slow."""
    jobs = jobs_of(graph, item)
    at_work = [age_s(graph, job.status.start_time) for job in jobs if ended(job) is None]
    if item.spec.concurrency_policy != "Forbid" or not at_work:
        return Severity.DEGRADED
    took = [
        (end - job.status.start_time).total_seconds()
        for job in jobs
        if (end := ended_at(job)) is not None and job.status.start_time is not None
    ]
    return Severity.DEGRADED if took and max(at_work) > 2 * max(took) else Severity.RISK


def _finding(
    item: CronJob, what: str, path: str, severity: Severity = Severity.DEGRADED
) -> Finding:
    return META.finding(
        ref_of(item),
        f"{what} ({item.spec.schedule})",
        severity=severity,
        evidence=(field_evidence(item, path), field_evidence(item, "spec.schedule")),
    )
