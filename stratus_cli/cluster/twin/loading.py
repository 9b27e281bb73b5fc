"""A Snapshot as raw objects for the twin: what a plan touches, and the nodes.

Decoded objects hold only some fields. Templates of Deployments, of their ReplicaSets and of the
plan's objects all go through the same decoding, so that they stay comparable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from stratus_cli.cluster.twin.containers import LONG_AGO
from stratus_cli.cluster.twin.defaults import fill
from stratus_cli.cluster.twin.store import Item
from stratus_cli.cluster.twin.timeline import stamp_of
from stratus_cli.cluster.twin.usage import ZERO, amount, is_finished, pod_amounts
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.objects import Condition, KubeObject
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_scheduling import Node, ResourceQuota
from stratus_cli.model.snapshot import Snapshot

NAMESPACED = (
    "ConfigMap", "Secret", "ResourceQuota", "Service", "EndpointSlice", "Deployment",
    "ReplicaSet", "StatefulSet", "DaemonSet", "Pod",
)  # fmt: skip


def items_of(snap: Snapshot, namespaces: Iterable[str]) -> list[Item]:
    """Nodes, and everything of these namespaces; other pods only take room on their nodes."""
    spaces = set(namespaces)
    found = [_with_room(raw(node), taken) for node, taken in _nodes(snap, spaces)]
    for name in sorted(spaces):
        found.append({"kind": "Namespace", "apiVersion": "v1", "metadata": _meta(name)})
    for kind in NAMESPACED:
        for item in snap.objects.get(kind, ()):
            if isinstance(item, ResourceQuota) and item.spec.is_scoped:
                continue  # which pods it counts is not told by what is kept of them
            if item.metadata.namespace in spaces:
                is_bound = isinstance(item, Pod) and bool(item.spec.node_name)
                found.append(_bound(item) if is_bound else raw(item))  # type: ignore[arg-type]
    return found


def _bound(pod: Pod) -> Item:
    """A pod that goes on as it is: what controllers, scheduler and quota look at, and no more."""
    meta = pod.metadata
    made: Item = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid or f"unknown-Pod-{meta.namespace}-{meta.name}",
            "creationTimestamp": _stamp(meta.creation_timestamp),
            "labels": dict(meta.labels),
            "ownerReferences": msgspec.to_builtins(meta.owner_references),
        },
        "spec": {
            "nodeName": pod.spec.node_name,
            "terminationGracePeriodSeconds": 1,
            "containers": [_light(item) for item in pod.spec.containers],
            "initContainers": [_light(item) for item in pod.spec.init_containers],
        },
        "status": {
            "phase": pod.status.phase,
            "conditions": [_condition(item) for item in pod.status.conditions],
        },
    }
    if pod.status.pod_ip:
        made["status"]["podIP"] = pod.status.pod_ip
    if meta.deletion_timestamp is not None:
        made["metadata"]["deletionTimestamp"] = _stamp(meta.deletion_timestamp)
    return made


def _light(container: Container) -> Item:
    ports = [
        {"containerPort": port.container_port, "name": port.name, "protocol": port.protocol}
        | ({"hostPort": port.host_port} if port.host_port else {})
        for port in container.ports
    ]
    return {"name": container.name, "ports": ports, **_resources(container)}


def _condition(condition: Condition) -> Item:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": _stamp(condition.last_transition_time),
    }


def _stamp(moment: datetime | None) -> str:
    return stamp_of(moment) if moment is not None else LONG_AGO


def raw(item: KubeObject) -> Item:
    """A decoded object as JSON, without empty fields, defaulted."""
    # By way of JSON: managedFields hold raw JSON, which to_builtins refuses.
    made: Item = _without_empties(msgspec.json.decode(msgspec.json.encode(item)))
    made["kind"], made["apiVersion"] = item.KIND, item.API_VERSION
    meta = made.setdefault("metadata", {})
    meta.pop("managedFields", None)
    meta.setdefault("uid", f"unknown-{item.KIND}-{meta.get('namespace', '')}-{meta.get('name')}")
    meta.setdefault("creationTimestamp", LONG_AGO)
    if item.KIND == "EndpointSlice":
        made.setdefault("endpoints", None)
        made.setdefault("ports", None)
    fill(made)
    if item.KIND == "Pod":
        made.setdefault("status", {})
    return made


def comparable(item: Mapping[str, Any]) -> Item:
    """A plan's raw object, brought to the same fields as the snapshot's objects."""
    info = BY_KIND[item["kind"]]
    if info.struct is None or item["kind"] in ("ConfigMap", "Secret"):
        return dict(item)
    return raw(msgspec.json.decode(msgspec.json.encode(_without_nulls(item)), type=info.struct))


def _nodes(snap: Snapshot, spaces: set[str]) -> Iterable[tuple[Node, dict[str, Decimal]]]:
    taken: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for pod in snap.of(Pod):
        if pod.metadata.namespace in spaces or not pod.spec.node_name:
            continue
        used = taken[pod.spec.node_name]
        spec = {
            "containers": [_resources(item) for item in pod.spec.containers],
            "initContainers": [_resources(item) for item in pod.spec.init_containers],
        }
        if is_finished({"status": {"phase": pod.status.phase}}):
            continue
        used["pods"] += 1
        for name, value in pod_amounts(spec, "requests").items():
            used[name] += value
    for node in sorted(snap.of(Node), key=lambda item: item.metadata.name):
        yield node, taken[node.metadata.name]


def _resources(container: Container) -> Item:
    resources = container.resources
    sizes = {"requests": dict(resources.requests), "limits": dict(resources.limits)}
    return {"resources": sizes, "restartPolicy": container.restart_policy}


def _with_room(node: Item, taken: Mapping[str, Decimal]) -> Item:
    """The node with only what other namespaces' pods leave of it."""
    allocatable = node.setdefault("status", {}).setdefault("allocatable", {})
    for name in ("cpu", "memory", "pods"):
        if name in allocatable:
            left = max(ZERO, amount(str(allocatable[name])) - taken.get(name, ZERO))
            allocatable[name] = f"{left.normalize():f}"
    return node


def _meta(name: str) -> Item:
    return {"name": name, "uid": f"ns-{name}", "creationTimestamp": LONG_AGO}


def _without_empties(node: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(node, dict):
        kept = {key: _without_empties(value) for key, value in node.items()}
        return {key: value for key, value in kept.items() if not _is_empty(value)}
    if isinstance(node, list | tuple):
        return [_without_empties(value) for value in node]
    return node


def _is_empty(value: Any) -> bool:  # noqa: ANN401  # any JSON
    """null, "", [] or {}; 0 and false are values."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def _without_nulls(node: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(node, Mapping):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    if isinstance(node, list | tuple):
        return [_without_nulls(value) for value in node]
    return node
