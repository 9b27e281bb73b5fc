"""An object as lines of `field path, value`: each line can be cited and read again. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, quoted, read
from stratus_cli.kube.graph import REVISION_ANNOTATION
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import ReplicaSet

KEYS = ("name", "type", "port", "containerPort", "key", "ip")
"""Fields that tell the elements of Kubernetes' lists apart, where they are unique."""

METADATA = (
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.labels",
    "metadata.finalizers",
    f"metadata.annotations{quoted(REVISION_ANNOTATION)}",
)
NOISE = ("lastUpdateTime", "lastProbeTime", "podIP", "observedGeneration")
DEEPEST = 16  # pod templates are ten levels deep
_NAME = re.compile(r"[A-Za-z_$][\w$-]*")
_PLAIN = re.compile(r"[\w./:-]+")


def fields_of(item: KubeObject) -> Iterator[Evidence]:
    """The object's fields worth showing, most telling first, each as it reads now."""
    for top in (*_parts(item), *METADATA):
        value = read(item, top)
        if value is ABSENT:
            continue
        for path, leaf in _leaves(top, value, 0):
            if _reads_back(item, path, leaf):
                yield field_evidence(item, path)


def _parts(item: KubeObject) -> tuple[str, ...]:
    """Top-level fields. A pod's spec and a ReplicaSet's count only repeat their owner's."""
    if isinstance(item, Pod):
        return ("status", "spec.nodeName")
    if isinstance(item, ReplicaSet) and item.metadata.owner_references:
        return ("spec.replicas", "spec.template.spec")
    return tuple(name for name in item.__struct_encode_fields__ if name != "metadata")


def _leaves(path: str, value: Json, depth: int) -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping) and value and depth < DEEPEST:
        for key, inner in value.items():
            if key in NOISE:
                continue
            step = f".{key}" if _NAME.fullmatch(key) else quoted(key)
            yield from _leaves(path + step, inner, depth + 1)
    elif _is_list_of_objects(value) and depth < DEEPEST:
        for step, inner in _elements(value):
            yield from _leaves(path + step, inner, depth + 1)
    elif value not in ({}, []):
        yield path, value


def _is_list_of_objects(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, Mapping) for x in value)


def _elements(items: list[Mapping[str, Any]]) -> Iterator[tuple[str, Json]]:
    for key in KEYS:
        names = [str(item.get(key, "")) for item in items]
        if len(set(names)) == len(names) and all(map(_PLAIN.fullmatch, names)):
            for name, item in zip(names, items, strict=True):  # the key is in the path already
                yield f"[{key}={name}]", {k: v for k, v in item.items() if k != key}
            return
    yield from ((f"[{index}]", item) for index, item in enumerate(items))


def _reads_back(item: KubeObject, path: str, value: Json) -> bool:
    """Names from the cluster may make a path that means something else, or nothing."""
    try:
        found = read(item, path)
    except ValueError:
        return False
    return found is not ABSENT and as_text(found) == as_text(value)
