"""CronJobs that write to other objects: recurring actors. Pure; judges nothing.

One is taken for the writer of an object when its program names the object, its ServiceAccount may
write to it, and the fields were last written when a run of it was due. managedFields keep one time
per manager, and runs are deleted, so none of these alone is enough.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from stratus_cli.kube.batch import cron_jobs, schedule_of
from stratus_cli.kube.changes import SAME_MOMENT
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.lately import CONTROLLERS
from stratus_cli.kube.pods import is_failing, is_live
from stratus_cli.kube.rbac import Asked, may, were_read
from stratus_cli.kube.workloads import sorted_workloads
from stratus_cli.model.objects import ManagedFieldsEntry
from stratus_cli.model.objects_batch import CronJob
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Container
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

Target = Workload | Service | ConfigMap

PODS = "spec.jobTemplate.spec.template.spec"
RUN_TAKES = timedelta(seconds=60)
"""From when a run is due to its write. Our choice: scheduling, pull and start take seconds."""
VERBS = ("patch", "update")
LARGEST = 65536  # characters of one script that are looked at


@dataclass(frozen=True)
class Actor:
    """A CronJob, and the place below it, or in a ConfigMap of its, that names the target.

    fields: what was written, as far as managedFields say; at: when.
    """

    cron_job: CronJob
    place: str
    text: str
    target: Target
    fields: tuple[str, ...]
    at: datetime
    manager: str
    permitted: bool


def actors(graph: Graph, target: Target) -> Iterator[Actor]:
    """The CronJobs that last wrote to what this object says, by namespace and name."""
    made = target.metadata.creation_timestamp
    writes = [
        (entry, fields)
        for entry in target.metadata.managed_fields
        if entry.manager not in CONTROLLERS and not entry.subresource and entry.time is not None
        if made is None or entry.time - made > SAME_MOMENT
        if (fields := tuple(_written(entry)))
    ]
    for cron_job in cron_jobs(graph) if writes else ():
        named = _named(graph, cron_job, target)
        if named is None or cron_job.spec.suspend:
            continue
        allowed = _may_write(graph, cron_job, target)
        for entry, fields in writes:
            assert entry.time is not None  # filtered above
            if allowed is not False and _was_due(cron_job, entry.time):
                place, text = named
                known = allowed is True
                yield Actor(cron_job, place, text, target, fields, entry.time, entry.manager, known)


def failing_targets(graph: Graph) -> Iterator[tuple[Target, tuple[Workload, ...]]]:
    """Workloads whose pods fail, the ConfigMaps that they read, Services without endpoints.

    With the workloads that fail with each. A workload at zero is left out: CronJobs park workloads.
    """
    failing = [
        workload
        for workload in sorted_workloads(graph)
        if any(is_live(pod) and is_failing(graph, pod) for pod in graph.new_pods_of(workload))
    ]
    readers: dict[tuple[str, str], list[Workload]] = defaultdict(list)
    for workload in failing:
        yield workload, (workload,)
        for name, _, _ in config_maps_used(workload.spec.template.spec):
            if workload not in readers[(workload.metadata.namespace, name)]:
                readers[(workload.metadata.namespace, name)].append(workload)
    for (space, name), found in sorted(readers.items()):
        config = graph.snap.get(ConfigMap, space, name)
        if config is not None:
            yield config, tuple(found)
    for service in sorted(graph.snap.of(Service), key=ref_of):
        if service.spec.selector and not graph.ready_endpoints_of(service):
            yield service, ()


def _written(entry: ManagedFieldsEntry) -> Iterator[str]:
    """Names of the fields that it owns, those of annotations and labels left out."""
    try:
        tree: Any = msgspec.json.decode(entry.fields_v1)
    except (msgspec.DecodeError, RecursionError):
        return
    yield from dict.fromkeys(_leaves(tree, 0))


def _leaves(node: Any, depth: int) -> Iterator[str]:  # noqa: ANN401  # JSON
    if not isinstance(node, Mapping) or depth > 12:
        return
    for key, below in node.items():
        if key in (".", "f:metadata", "f:status"):
            continue
        if isinstance(below, Mapping) and set(below) - {"."}:
            yield from _leaves(below, depth + 1)
        else:
            yield key.partition(":")[2]


def _named(graph: Graph, cron_job: CronJob, target: Target) -> tuple[str, str] | None:
    """(where, the text) that names the object in the CronJob's own settings or its scripts."""
    name = re.compile(rf"(?<![\w.-]){re.escape(target.metadata.name)}(?![\w-]|\.\w)")
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


def _may_write(graph: Graph, cron_job: CronJob, target: Target) -> bool | None:
    """Whether its account may; None where RBAC could not be read."""
    if not were_read(graph):
        return None
    account = cron_job.spec.job_template.spec.template.spec.service_account_name or "default"
    info, meta = BY_KIND[target.KIND], target.metadata
    return any(
        may(
            graph,
            cron_job.metadata.namespace,
            account,
            Asked(verb, info.plural, info.group, meta.namespace, meta.name),
        )
        for verb in VERBS
    )


def _was_due(cron_job: CronJob, at: datetime) -> bool:
    due = schedule_of(cron_job)
    return due is not None and due.due(at - RUN_TAKES, at, 1) == 1
