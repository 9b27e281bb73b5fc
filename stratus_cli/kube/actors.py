"""CronJobs that write to workloads: recurring actors. Pure; judges nothing.

One is taken for the writer of a workload when its program names the workload, its ServiceAccount
may write to it, and the fields were last written when a run of it was due. managedFields keep one
time per manager, and runs are deleted, so none of these alone is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from stratus_cli.kube.batch import cron_jobs, schedule_of
from stratus_cli.kube.changes import SAME_MOMENT
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.lately import CONTROLLERS
from stratus_cli.kube.rbac import Asked, may, were_read
from stratus_cli.model.objects import (
    ConfigMap,
    Container,
    CronJob,
    ManagedFieldsEntry,
    Workload,
)

PODS = "spec.jobTemplate.spec.template.spec"
RUN_TAKES = timedelta(seconds=60)
"""From when a run is due to its write. Our choice: scheduling, pull and start take seconds."""
VERBS = ("patch", "update")
LARGEST = 65536  # characters of one script that are looked at


@dataclass(frozen=True)
class Actor:
    """A CronJob, and the place below it, or in a ConfigMap of its, that names the workload.

    fields: what was written, as far as managedFields say; at: when.
    """

    cron_job: CronJob
    place: str
    text: str
    workload: Workload
    fields: tuple[str, ...]
    at: datetime
    manager: str
    permitted: bool


def actors(graph: Graph, workload: Workload) -> Iterator[Actor]:
    """The CronJobs that last wrote to this workload's spec, by namespace and name."""
    made = workload.metadata.creation_timestamp
    writes = [
        (entry, fields)
        for entry in workload.metadata.managed_fields
        if entry.manager not in CONTROLLERS and not entry.subresource and entry.time is not None
        if made is None or entry.time - made > SAME_MOMENT
        if (fields := tuple(_spec_fields(entry)))
    ]
    for cron_job in cron_jobs(graph) if writes else ():
        named = _named(graph, cron_job, workload)
        if named is None or cron_job.spec.suspend:
            continue
        allowed = _may_write(graph, cron_job, workload)
        for entry, fields in writes:
            assert entry.time is not None  # filtered above
            if allowed is not False and _was_due(cron_job, entry.time):
                place, text = named
                known = allowed is True
                yield Actor(
                    cron_job, place, text, workload, fields, entry.time, entry.manager, known
                )


def _spec_fields(entry: ManagedFieldsEntry) -> Iterator[str]:
    """Names of the fields below spec that it owns, those of annotations and labels left out."""
    try:
        tree: Any = msgspec.json.decode(entry.fields_v1)
    except (msgspec.DecodeError, RecursionError):
        return
    spec = tree.get("f:spec") if isinstance(tree, Mapping) else None
    yield from dict.fromkeys(_leaves(spec, 0))


def _leaves(node: Any, depth: int) -> Iterator[str]:  # noqa: ANN401  # JSON
    if not isinstance(node, Mapping) or depth > 12:
        return
    for key, below in node.items():
        if key in (".", "f:metadata"):
            continue
        if isinstance(below, Mapping) and set(below) - {"."}:
            yield from _leaves(below, depth + 1)
        else:
            yield key.partition(":")[2]


def _named(graph: Graph, cron_job: CronJob, workload: Workload) -> tuple[str, str] | None:
    """(where, the text) that names the workload in the CronJob's own settings or its scripts."""
    name = re.compile(rf"(?<![\w.-]){re.escape(workload.metadata.name)}(?![\w-]|\.\w)")
    spec = cron_job.spec.job_template.spec.template.spec
    lists = (("initContainers", spec.init_containers), ("containers", spec.containers))
    for part, container in ((part, item) for part, items in lists for item in items):
        for where, text in _texts(container):
            if name.search(text):
                return f"{PODS}.{part}[name={container.name}].{where}", text
    for config_name in dict.fromkeys(name for name, _, _ in config_maps_used(spec)):
        config = graph.snap.get(ConfigMap, cron_job.metadata.namespace, config_name)
        for text in config.data.values() if config is not None else ():
            if name.search(text[:LARGEST]):
                volume = next((v.name for v in spec.volumes if _mounts(v, config_name)), "")
                return f"{PODS}.volumes[name={volume}].configMap.name", config_name
    return None


def _mounts(volume: Any, name: str) -> bool:  # noqa: ANN401  # a Volume
    return volume.config_map is not None and volume.config_map.name == name


def _texts(container: Container) -> Iterator[tuple[str, str]]:
    yield "args", " ".join(container.args)
    yield "command", " ".join(container.command)
    for env in container.env:
        yield f"env[name={env.name}].value", env.value


def _may_write(graph: Graph, cron_job: CronJob, workload: Workload) -> bool | None:
    """Whether its account may; None where RBAC could not be read."""
    if not were_read(graph):
        return None
    account = cron_job.spec.job_template.spec.template.spec.service_account_name or "default"
    plural, space = f"{workload.KIND.lower()}s", workload.metadata.namespace
    return any(
        may(
            graph,
            cron_job.metadata.namespace,
            account,
            Asked(verb, plural, "apps", space, workload.metadata.name),
        )
        for verb in VERBS
    )


def _was_due(cron_job: CronJob, at: datetime) -> bool:
    due = schedule_of(cron_job)
    return due is not None and due.due(at - RUN_TAKES, at, 1) == 1
