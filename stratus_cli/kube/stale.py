"""Containers that run with a value of a ConfigMap or Secret that has changed since they started.

What is read by env or subPath is read once (kubernetes.io, "Mounted ConfigMaps are updated
automatically"). Pure; only names of keys and times are looked at, never a Secret's values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stratus_cli.kube.changes import SAME_MOMENT, last_change
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_live, parts
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_config import ConfigMap, Secret
from stratus_cli.model.objects_pod import Container, Pod, PodSpec
from stratus_cli.model.objects_workload import Workload

Config = ConfigMap | Secret


@dataclass(frozen=True)
class Reading:
    """A place of a container that is filled once. key: "" for any key. path: below the pod spec."""

    kind: type[Config]
    name: str
    key: str
    container: str
    path: str


@dataclass(frozen=True)
class Stale:
    """A config that changed at `at`, and the running pods that still have what was before."""

    workload: Workload
    config: Config
    reading: Reading
    at: datetime
    pods: tuple[Pod, ...]


def stale(graph: Graph, workload: Workload) -> Iterator[Stale]:
    """Every place of the workload that is behind, in the order of its template."""
    space = workload.metadata.namespace
    pods = [pod for pod in graph.new_pods_of(workload) if is_live(pod)]
    for reading in readings(workload.spec.template.spec) if pods else ():
        config: KubeObject | None = graph.snap.get(reading.kind, space, reading.name)
        if not isinstance(config, ConfigMap | Secret):
            continue
        at = written_at(config, reading.key)
        behind = tuple(pod for pod in pods if at is not None and _is_behind(pod, reading, at))
        if at is not None and behind:
            yield Stale(workload, config, reading, at, behind)


def readings(spec: PodSpec) -> Iterator[Reading]:
    """Every ConfigMap and Secret that is read when a container starts."""
    lists = (("initContainers", spec.init_containers), ("containers", spec.containers))
    for part, containers in lists:
        for container in containers:
            path = f"{part}[name={container.name}]"
            yield from _of_env(container, path)
            yield from _of_sub_paths(spec, container, path)


def written_at(config: Config, key: str) -> datetime | None:
    """When the key, or any where none is named, was last written; its creation counts."""
    meta = config.metadata
    if key:
        change = last_change(config, f"data{quoted(key)}")
        return change.at if change is not None else meta.creation_timestamp
    times = [entry.time for entry in meta.managed_fields if entry.time and not entry.subresource]
    return max(times, default=meta.creation_timestamp)


def _of_env(container: Container, path: str) -> Iterator[Reading]:
    for env in container.env:
        source, where = env.value_from, f"{path}.env[name={env.name}]"
        if source is not None and source.secret_key_ref is not None:
            ref = source.secret_key_ref
            yield Reading(Secret, ref.name, ref.key, container.name, where)
        if source is not None and source.config_map_key_ref is not None:
            ref = source.config_map_key_ref
            yield Reading(ConfigMap, ref.name, ref.key, container.name, where)
    for index, item in enumerate(container.env_from):
        where = f"{path}.envFrom[{index}]"
        if item.secret_ref is not None:
            yield Reading(Secret, item.secret_ref.name, "", container.name, where)
        if item.config_map_ref is not None:
            yield Reading(ConfigMap, item.config_map_ref.name, "", container.name, where)


def _of_sub_paths(spec: PodSpec, container: Container, path: str) -> Iterator[Reading]:
    volumes = {volume.name: volume for volume in spec.volumes}
    for mount in container.volume_mounts:
        volume = volumes.get(mount.name)
        if not mount.sub_path or volume is None:
            continue
        where = f"{path}.volumeMounts[mountPath={mount.mount_path}]"
        if volume.secret is not None:
            yield Reading(Secret, volume.secret.secret_name, "", container.name, where)
        if volume.config_map is not None:
            yield Reading(ConfigMap, volume.config_map.name, "", container.name, where)


def _is_behind(pod: Pod, reading: Reading, at: datetime) -> bool:
    return any(
        part.status.state.running is not None
        and part.status.state.running.started_at is not None
        and at - part.status.state.running.started_at > SAME_MOMENT
        for part in parts(pod)
        if part.status.name == reading.container
    )
