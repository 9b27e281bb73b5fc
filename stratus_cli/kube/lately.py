"""When an object, or what it is configured by, was last changed by somebody. Pure.

From managedFields and the rollout history; what controllers write into status does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stratus_cli.kube.changes import SAME_MOMENT
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_batch import Job
from stratus_cli.model.objects_config import ConfigMap, Secret
from stratus_cli.model.objects_workload import Deployment, Workload

CONTROLLERS = frozenset(
    {"kube-controller-manager", "kubelet", "kube-scheduler", "kube-apiserver", "stratus"}
)


def edited_at(item: KubeObject) -> datetime | None:
    """Its last change that was not its creation, by a manager that is no controller; or None."""
    created = item.metadata.creation_timestamp
    times = [
        entry.time
        for entry in getattr(item.metadata, "managed_fields", ())
        if entry.time is not None
        and not entry.subresource
        and entry.manager not in CONTROLLERS
        and (created is None or entry.time - created > SAME_MOMENT)
    ]
    return max(times, default=None)


def changed_at(graph: Graph, owner: KubeObject) -> datetime | None:
    """The newest change of a workload or of a ConfigMap or Secret that its pods read; or None."""
    times = [at for item in (owner, *read_by(graph, owner)) if (at := edited_at(item)) is not None]
    if isinstance(owner, Deployment):
        history = graph.replica_sets_of(owner)
        if len(history) > 1 and history[0].metadata.creation_timestamp is not None:
            times.append(history[0].metadata.creation_timestamp)
    return max(times, default=None)


def read_by(graph: Graph, owner: KubeObject) -> Iterator[KubeObject]:
    """The ConfigMaps and Secrets that its pods read, where they are there."""
    if not isinstance(owner, Workload | Job):
        return
    spec, here = owner.spec.template.spec, owner.metadata.namespace
    for name in dict.fromkeys(name for name, _, _ in config_maps_used(spec)):
        config = graph.snap.get(ConfigMap, here, name)
        if config is not None:
            yield config
    secrets = {volume.secret.secret_name for volume in spec.volumes if volume.secret}
    for container in (*spec.init_containers, *spec.containers):
        secrets |= {item.secret_ref.name for item in container.env_from if item.secret_ref}
        secrets |= {
            item.value_from.secret_key_ref.name
            for item in container.env
            if item.value_from and item.value_from.secret_key_ref
        }
    for name in sorted(secrets):
        secret = graph.snap.get(Secret, here, name)
        if secret is not None:
            yield secret
