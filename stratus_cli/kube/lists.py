"""Which lists are maps: the x-kubernetes-list-map-keys and patch merge keys of the API (v1.34).

`merge` keys are those that a strategic merge patch uses; `map` keys tell elements apart. A list
that is in neither table, or whose elements do not have the keys once each, is one value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stratus_cli.kube.kinds import BY_KIND

MAP_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
    "webhooks": ("name",),
    "schedulingGates": ("name",),
    "resourceClaims": ("name",),
    "matchConditions": ("name",),
    "variables": ("name",),
}
"""By the name of the list's field, wherever it stands: the API uses one name for one meaning."""

ATOMIC = (("ServiceAccount", ("imagePullSecrets",)),)
"""Lists that are one value though one of their name is not elsewhere."""

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
CONTAINER_PORTS = ("containerPort", "protocol")
SERVICE_PORTS = ("port", "protocol")
NUMBERS = ("port", "containerPort")
"""Keys whose values are numbers."""

ORDERED = ("initContainers", "env")
"""Lists whose order means something: the order of running, and what $(NAME) may refer to."""

FREE_MAPS = (
    "annotations",
    "labels",
    "nodeSelector",
    "data",
    "binaryData",
    "hard",
    "limits",
    "requests",
)
"""Maps whose keys stand each for itself and may have an owner each; other objects are one thing."""

MERGE_KEYS: Mapping[str, str] = {
    **{name: keys[0] for name, keys in MAP_KEYS.items()},
    "topologySpreadConstraints": "topologyKey",
}
PRIMITIVE_MERGE = ("finalizers",)


def list_keys(kind: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Keys that tell the elements of a list apart. path: field names from the root, no elements.

    None for a list that is one value (command, args, tolerations, rules ...), and for every list of
    a custom resource, whose schema is not known here.
    """
    if not path or (kind and kind not in BY_KIND and path[0] != "metadata"):
        return None
    if (kind, path) in ATOMIC:
        return None
    if path[-1] == "ports":
        if kind == "Service" and path == ("spec", "ports"):
            return SERVICE_PORTS
        return CONTAINER_PORTS if len(path) > 1 and path[-2] in CONTAINERS else None
    return MAP_KEYS.get(path[-1])


def merge_key(kind: str, path: tuple[str, ...]) -> str | None:
    """The key by which a strategic merge patch matches elements; None: the list is replaced."""
    keys = list_keys(kind, path)
    if keys is None:
        return None
    return MERGE_KEYS.get(path[-1], keys[0])


def keyed(elements: Sequence[Any], keys: tuple[str, ...]) -> dict[tuple[str, ...], Any] | None:
    """Elements by their keys; None when one lacks a key or two have the same."""
    found: dict[tuple[str, ...], Any] = {}
    for element in elements:
        if not isinstance(element, Mapping):
            return None
        if any(not isinstance(element.get(key), str | int) for key in keys):
            return None
        place = tuple(str(element[key]) for key in keys)
        if place in found:
            return None
        found[place] = element
    return found
