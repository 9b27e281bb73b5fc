"""Where a pod spec refers to ConfigMaps and Secrets, and which keys those have. Pure.

Of a Secret only the names of its keys are known, from managedFields; its values are never read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.pods import condition
from stratus_cli.kube.spelling import nearly
from stratus_cli.model.objects_config import ConfigMap, Secret
from stratus_cli.model.objects_pod import Container, KeyRef, PodSpec
from stratus_cli.model.objects_workload import Deployment, Workload


@dataclass(frozen=True, slots=True)
class Reference:
    """One place. path: of the object's name, below the pod spec. key, key_path: "" for all keys."""

    kind: str
    name: str
    path: str
    key: str = ""
    key_path: str = ""
    optional: bool = False


def references(spec: PodSpec) -> Iterator[Reference]:
    """Every reference to a ConfigMap or Secret, in the order of the spec."""
    for volume in spec.volumes:
        at = f"volumes[name={volume.name}]"
        if volume.secret is not None:
            item = volume.secret
            yield Reference(
                "Secret", item.secret_name, f"{at}.secret.secretName", "", "", item.optional
            )
        if volume.config_map is not None:
            held = volume.config_map
            yield Reference("ConfigMap", held.name, f"{at}.configMap.name", "", "", held.optional)
        for index, source in enumerate(volume.projected.sources if volume.projected else ()):
            where = f"{at}.projected.sources[{index}]"
            for kind, field, ref in (
                ("Secret", "secret", source.secret),
                ("ConfigMap", "configMap", source.config_map),
            ):
                if ref is not None:
                    yield Reference(kind, ref.name, f"{where}.{field}.name", "", "", ref.optional)
    lists = (("initContainers", spec.init_containers), ("containers", spec.containers))
    for part, containers in lists:
        for container in containers:
            yield from _of_container(container, f"{part}[name={container.name}]")


def _of_container(container: Container, path: str) -> Iterator[Reference]:
    for env in container.env:
        source = env.value_from
        at = f"{path}.env[name={env.name}].valueFrom"
        if source is not None and source.secret_key_ref is not None:
            yield _keyed("Secret", f"{at}.secretKeyRef", source.secret_key_ref)
        if source is not None and source.config_map_key_ref is not None:
            yield _keyed("ConfigMap", f"{at}.configMapKeyRef", source.config_map_key_ref)
    for index, item in enumerate(container.env_from):
        at = f"{path}.envFrom[{index}]"
        if item.secret_ref is not None:
            ref = item.secret_ref
            yield Reference("Secret", ref.name, f"{at}.secretRef.name", "", "", ref.optional)
        if item.config_map_ref is not None:
            ref = item.config_map_ref
            yield Reference("ConfigMap", ref.name, f"{at}.configMapRef.name", "", "", ref.optional)


def _keyed(kind: str, at: str, ref: KeyRef) -> Reference:
    return Reference(kind, ref.name, f"{at}.name", ref.key, f"{at}.key", ref.optional)


def config_map_readers(graph: Graph) -> Mapping[tuple[str, str], list[Workload]]:
    """(namespace, ConfigMap) -> the workloads that refer to it."""
    found: dict[tuple[str, str], list[Workload]] = defaultdict(list)
    for workload in graph.workloads:
        used = config_maps_used(workload.spec.template.spec)
        for name in dict.fromkeys(name for name, _, _ in used):
            found[(workload.metadata.namespace, name)].append(workload)
    return found


def keys_of(item: ConfigMap | Secret) -> frozenset[str]:
    """The names of its keys; () where nothing says (a Secret without managedFields)."""
    if isinstance(item, ConfigMap):
        return frozenset((*item.data, *item.binary_data))
    found: set[str] = set()
    for entry in item.metadata.managed_fields:
        try:
            tree: Any = msgspec.json.decode(entry.fields_v1)
        except (msgspec.DecodeError, RecursionError):
            continue
        data = tree.get("f:data") if isinstance(tree, Mapping) else None
        names = data if isinstance(data, Mapping) else {}
        found |= {name.partition(":")[2] for name in names if name.startswith("f:")}
    return frozenset(found)


def has_rolled_out(workload: Workload) -> bool:
    """Its present template has had all its pods once, so its references were right then.

    A controller keeps saying so when such pods are gone later.
    """
    status = workload.status
    if isinstance(workload, Deployment):
        progressing = condition(status.conditions, "Progressing")
        return progressing is not None and progressing.reason == "NewReplicaSetAvailable"
    return bool(status.update_revision) and status.update_revision == status.current_revision


def near(name: str, known: Iterable[str]) -> str | None:
    """The only name of which this one is a slip of the keyboard."""
    found = nearly(name, known)
    return found[0] if len(found) == 1 else None
