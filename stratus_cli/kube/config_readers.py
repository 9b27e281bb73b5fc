"""Which keys of a ConfigMap or Secret a pod spec reads, and how. Pure, on raw JSON.

How decides when a new value is seen: env and subPath only by a new container (Kubernetes docs,
"Mounted ConfigMaps are updated automatically"), a mounted volume by itself after a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.kube.lists import CONTAINERS
from stratus_cli.kube.paths import value_at
from stratus_cli.model.ref import Ref

ENV, SUB_PATH, VOLUME = "env", "subPath", "volume"
AT_START = (ENV, SUB_PATH)
"""Ways of reading that show a new value only in a new container."""

VOLUME_DELAY_S = 120
"""kubelet: syncFrequency 60 s, and its cache of ConfigMaps and Secrets, at most 60 s old."""

CONFIGS = ("ConfigMap", "Secret")
Item = Mapping[str, Any]
Keys = frozenset[str] | None
"""None: any key."""

_REF = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
_FROM = {"ConfigMap": "configMapRef", "Secret": "secretRef"}
_VOLUME = {"ConfigMap": ("configMap", "name"), "Secret": ("secret", "secretName")}
_PROJECTED = {"ConfigMap": "configMap", "Secret": "secret"}


def ways_of_reading(spec: object, config: Ref, keys: Keys) -> frozenset[str]:
    """The ways in which the pod spec reads one of these keys; empty when it reads none."""
    return frozenset(_ways(spec, config, keys))


def changed_keys(before: Item | None, after: Item | None) -> Keys:
    """The keys whose values differ. None where that cannot be told (values are not shown)."""
    keys: set[str] = set()
    for name in ("data", "binaryData", "stringData"):
        old, new = (_map((side or {}).get(name)) for side in (before, after))
        keys |= {key for key in {*old, *new} if old.get(key) != new.get(key)}
    return frozenset(keys)


def _ways(spec: object, config: Ref, keys: Keys) -> Iterator[str]:
    volumes = {
        str(volume.get("name")): names
        for volume in _maps(_map(spec).get("volumes"))
        if (names := _names_in(volume, config, keys))
    }
    for part in CONTAINERS:
        for container in _maps(_map(spec).get(part)):
            yield from _of_env(container, config, keys)
            yield from _of_mounts(container, volumes)


def _of_env(container: Item, config: Ref, keys: Keys) -> Iterator[str]:
    for entry in _maps(container.get("env")):
        source = _map(value_at(entry, f"valueFrom.{_REF[config.kind]}"))
        if source.get("name") == config.name and (keys is None or source.get("key") in keys):
            yield ENV
    for entry in _maps(container.get("envFrom")):
        if _map(entry.get(_FROM[config.kind])).get("name") == config.name and keys != frozenset():
            yield ENV


def _of_mounts(container: Item, volumes: Mapping[str, Keys]) -> Iterator[str]:
    for mount in _maps(container.get("volumeMounts")):
        name = str(mount.get("name"))
        if name not in volumes:
            continue
        files = volumes[name]
        if "subPathExpr" in mount:
            yield SUB_PATH  # what it expands to is known only inside the pod
        elif "subPath" not in mount:
            yield VOLUME
        elif files is None or str(mount["subPath"]) in files:
            yield SUB_PATH


def _names_in(volume: Item, config: Ref, keys: Keys) -> Keys:
    """The files of the volume that hold one of the keys; an empty set where it has none."""
    field, name = _VOLUME[config.kind]
    sources = [(_map(volume.get(field)), name)]
    for part in _maps(_map(volume.get("projected")).get("sources")):
        sources.append((_map(part.get(_PROJECTED[config.kind])), "name"))
    found: set[str] = set()
    for source, naming in sources:
        if source.get(naming) != config.name:
            continue
        items = list(_maps(source.get("items")))
        if keys is None:
            return None
        if items:
            found |= {str(item.get("path")) for item in items if item.get("key") in keys}
        else:
            found |= keys
    return frozenset(found)


def _map(value: object) -> Item:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> Iterator[Item]:
    yield from (
        (part for part in value or () if isinstance(part, Mapping))
        if isinstance(value, list)
        else ()
    )
