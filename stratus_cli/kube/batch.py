"""What Jobs and CronJobs did and what holds them up. Shared by rules and causes; judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stratus_cli.kube.cron import Schedule, schedule
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import Part, condition, is_live, parts
from stratus_cli.model.objects import Condition
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.objects_pod import Pod


@dataclass(frozen=True)
class HeldOpen:
    """A pod of a Job whose work is done, and the containers that keep it from ending.

    since: when the last of the others ended.
    """

    job: Job
    pod: Pod
    holding: tuple[Part, ...]
    done: tuple[Part, ...]
    since: datetime


def cron_jobs(graph: Graph) -> tuple[CronJob, ...]:
    """Every CronJob that is not being deleted, by namespace and name."""
    kept = (item for item in graph.snap.of(CronJob) if item.metadata.deletion_timestamp is None)
    return tuple(sorted(kept, key=lambda item: (item.metadata.namespace, item.metadata.name)))


def jobs_of(graph: Graph, cron_job: CronJob) -> tuple[Job, ...]:
    """Its Jobs, newest first."""
    found = (item for item in graph.owned_by(cron_job) if isinstance(item, Job))
    return tuple(sorted(found, key=_age_key, reverse=True))


def lone_jobs(graph: Graph) -> tuple[Job, ...]:
    """Jobs that no CronJob made, by namespace and name."""
    found = (item for item in graph.snap.of(Job) if graph.controller_of(item) is None)
    kept = (item for item in found if item.metadata.deletion_timestamp is None)
    return tuple(sorted(kept, key=lambda item: (item.metadata.namespace, item.metadata.name)))


def pods_of_job(graph: Graph, job: Job) -> tuple[Pod, ...]:
    """Its pods, by name."""
    found = (item for item in graph.owned_by(job) if isinstance(item, Pod))
    return tuple(sorted(found, key=lambda item: item.metadata.name))


def ended(job: Job) -> Condition | None:
    """Its condition Complete or Failed, once it is true."""
    for kind in ("Complete", "Failed"):
        found = condition(job.status.conditions, kind)
        if found is not None and found.status == "True":
            return found
    return None


def ended_at(job: Job) -> datetime | None:
    """When it ended."""
    found = ended(job)
    return found.last_transition_time or job.status.completion_time if found else None


def schedule_of(cron_job: CronJob) -> Schedule | None:
    """When it is due; None where that cannot be read."""
    return schedule(cron_job.spec.schedule, cron_job.spec.time_zone)


def held_open(graph: Graph, job: Job) -> Iterator[HeldOpen]:
    """Pods in which some containers are done and others just go on running."""
    if ended(job) is not None or job.metadata.deletion_timestamp is not None:
        return
    for pod in pods_of_job(graph, job):
        if not is_live(pod):
            continue
        regular = [part for part in parts(pod) if not part.is_init]
        done = [part for part in regular if _is_done(part)]
        holding = [part for part in regular if part.status.state.running is not None]
        times = [
            part.status.state.terminated.finished_at
            for part in done
            if part.status.state.terminated and part.status.state.terminated.finished_at
        ]
        if holding and times and len(done) + len(holding) == len(pod.spec.containers):
            yield HeldOpen(job, pod, tuple(holding), tuple(done), max(times))


def _is_done(part: Part) -> bool:
    end = part.status.state.terminated
    return end is not None and end.exit_code == 0


def _age_key(job: Job) -> tuple[str, str]:
    return (str(job.metadata.creation_timestamp), job.metadata.name)
