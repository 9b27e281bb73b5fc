"""Jobs and CronJobs (Kubernetes API v1.34)."""

from __future__ import annotations

from datetime import datetime

from stratus_cli.model.objects import Condition, KubeObject, ObjectPart, TrackedMeta
from stratus_cli.model.objects_pod import PodTemplateSpec


class JobSpec(ObjectPart, frozen=True):
    completions: int | None = None
    parallelism: int | None = None
    backoff_limit: int = 6
    active_deadline_seconds: int | None = None
    suspend: bool = False
    template: PodTemplateSpec = PodTemplateSpec()


class JobStatus(ObjectPart, frozen=True):
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: tuple[Condition, ...] = ()


class Job(KubeObject, frozen=True):
    KIND = "Job"
    API_VERSION = "batch/v1"
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class JobTemplateSpec(ObjectPart, frozen=True):
    spec: JobSpec = JobSpec()


class CronJobSpec(ObjectPart, frozen=True):
    schedule: str = ""
    time_zone: str = ""
    suspend: bool = False
    concurrency_policy: str = "Allow"
    starting_deadline_seconds: int | None = None
    job_template: JobTemplateSpec = JobTemplateSpec()


class CronJobStatus(ObjectPart, frozen=True):
    last_schedule_time: datetime | None = None
    last_successful_time: datetime | None = None


class CronJob(KubeObject, frozen=True):
    KIND = "CronJob"
    API_VERSION = "batch/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()
