"""Validation of writes: what every object needs, and what may not change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from stratus_cli.cluster.twin.defaults import all_containers
from stratus_cli.cluster.twin.store import Item
from stratus_cli.kube.quantities import parse_quantity

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
POD_MUTABLE = "tolerations", "terminationGracePeriodSeconds", "activeDeadlineSeconds"
FROZEN_POD = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions"
    " to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it"
    " was previously negative)"
)
WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
IMMUTABLE = "field is immutable"


def problems(item: Item, old: Item | None) -> list[str]:
    """What the API server would refuse; old: the object that is replaced."""
    found = [*_names(item)]
    kind = item["kind"]
    if kind in WORKLOADS:
        found += _workload(item)
    if kind == "Pod":
        found += _pod_spec(item.get("spec") or {}, "spec")
    if kind == "Service":
        found += _service(item)
    if old is not None:
        found += _changes(item, old)
    return found


def _names(item: Item) -> Iterator[str]:
    name = item["metadata"].get("name", "")
    if not NAME.fullmatch(name) or len(name) > 253:
        yield (
            f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist'
            " of lower case alphanumeric characters, '-' or '.', and must start and end with an"
            " alphanumeric character"
        )


def _workload(item: Item) -> Iterator[str]:
    spec = item.get("spec") or {}
    replicas = spec.get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        yield (f"spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0")
    selector = spec.get("selector") or {}
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield "spec.selector: Required value"
    elif any(
        labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()
    ):
        yield (
            f"spec.template.metadata.labels: Invalid value: {_shown(labels)}:"
            " `selector` does not match template `labels`"
        )
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    zeros = [
        str(rolling.get(key, "1")).rstrip("%") == "0" for key in ("maxUnavailable", "maxSurge")
    ]
    if item["kind"] == "Deployment" and all(zeros):
        yield (
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value:"
            f" {_shown(rolling.get('maxUnavailable'))}: may not be 0 when `maxSurge` is 0"
        )
    if item["kind"] == "Deployment" and (spec.get("strategy") or {}).get("type") == "Recreate":
        if "rollingUpdate" in spec["strategy"]:
            yield (
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy"
                " `type` is 'Recreate'"
            )
    yield from _pod_spec(spec["template"].get("spec") or {}, "spec.template.spec")


def _pod_spec(spec: Item, path: str) -> Iterator[str]:
    containers = spec.get("containers") or []
    if not containers:
        yield f"{path}.containers: Required value"
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    for index, container in enumerate(containers):
        here = f"{path}.containers[{index}]"
        if not container.get("name"):
            yield f"{here}.name: Required value"
        if not container.get("image"):
            yield f"{here}.image: Required value"
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            if mount.get("name") not in volumes:
                yield f'{here}.volumeMounts[{number}].name: Not found: "{mount.get("name")}"'
    for container in all_containers(spec):
        yield from _resources(container, f"{path}.containers[{container.get('name')}].resources")


def _resources(container: Item, path: str) -> Iterator[str]:
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    for name, amount in (resources.get("requests") or {}).items():
        if name not in limits:
            continue
        try:
            if parse_quantity(str(amount)) > parse_quantity(str(limits[name])):
                yield (
                    f'{path}.requests: Invalid value: "{amount}": must be less than or equal to'
                    f" {name} limit of {limits[name]}"
                )
        except ValueError:
            yield f'{path}: Invalid value: "{amount}": quantities must match the regular expression'


def _service(item: Item) -> Iterator[str]:
    spec = item.get("spec") or {}
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec["type"] != "ExternalName":
        yield "spec.ports: Required value"
    for index, entry in enumerate(spec.get("ports") or ()):
        for name in ("port", "targetPort"):
            number = entry.get(name)
            if isinstance(number, int) and not 0 < number < 65536:
                yield (
                    f"spec.ports[{index}].{name}: Invalid value: {number}:"
                    " must be between 1 and 65535, inclusive"
                )


def _changes(item: Item, old: Item) -> Iterator[str]:
    kind = item["kind"]
    new_spec, old_spec = item.get("spec") or {}, old.get("spec") or {}
    if kind in WORKLOADS and new_spec.get("selector") != old_spec.get("selector"):
        yield f"spec.selector: Invalid value: {_shown(new_spec.get('selector'))}: {IMMUTABLE}"
    if kind == "Pod" and _frozen(new_spec) != _frozen(old_spec):
        yield FROZEN_POD
    if kind == "Service" and new_spec["type"] != "ExternalName" != old_spec["type"]:
        wanted, found = new_spec.get("clusterIP"), old_spec.get("clusterIP")
        if found and wanted != found:
            yield f"spec.clusterIPs[0]: Invalid value: {_shown([wanted])}: may not change once set"
    if kind == "Job":
        for name in ("template", "selector", "completions"):
            if new_spec.get(name) != old_spec.get(name):
                yield f"spec.{name}: Invalid value: {_shown(new_spec.get(name))}: {IMMUTABLE}"
    if kind in ("ConfigMap", "Secret") and old.get("immutable"):
        if any(item.get(name) != old.get(name) for name in ("data", "binaryData", "immutable")):
            yield "data: Forbidden: field is immutable when `immutable` is set"
    if kind == "Secret" and item.get("type") != old.get("type"):
        yield f"type: Invalid value: {_shown(item.get('type'))}: {IMMUTABLE}"


def _frozen(spec: Item) -> Item:
    """A pod spec without the fields that may change."""
    kept = {key: value for key, value in spec.items() if key not in POD_MUTABLE}
    for name in ("containers", "initContainers"):
        if name in kept:
            kept[name] = [{k: v for k, v in c.items() if k != "image"} for c in kept[name]]
    return kept


def _shown(value: Any) -> str:  # noqa: ANN401  # any JSON
    return json.dumps(value, separators=(",", ":"))
