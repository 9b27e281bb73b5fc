"""What is there before anybody applies anything: system namespaces and nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stratus_cli.cluster.twin.parts import Parts
from stratus_cli.cluster.twin.store import Item
from stratus_cli.cluster.twin.world import NodeSpec, World

SYSTEM_SPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
ADMIN = "kube-apiserver"
GOOD_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory",
     "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)  # fmt: skip


def seed(parts: Parts, world: World) -> None:
    """Create the system's namespaces and the world's nodes."""
    parts.store.watch("Namespace", lambda item, gone: None if gone else _furnish(parts, item))
    for name in SYSTEM_SPACES:
        add_namespace(parts, name)
    for node in world.nodes:
        parts.api.create(_node(node, world, parts.timeline.stamp()), "kubelet")


def add_namespaces(parts: Parts, items: Iterable[Item]) -> None:
    """Create the namespaces that objects of a world are in and that it does not list."""
    listed = {item["metadata"]["name"] for item in items if item["kind"] == "Namespace"}
    for item in items:
        space = item["metadata"].get("namespace")
        known = parts.store.get("Namespace", "", space) if space else None
        if space and space not in listed and known is None:
            add_namespace(parts, space)


def add_namespace(parts: Parts, name: str) -> None:
    """One namespace, with what controllers put into each."""
    parts.api.create({"kind": "Namespace", "metadata": {"name": name}}, ADMIN)


def _furnish(parts: Parts, space: Item) -> None:
    """The certificate and the service account that every namespace has."""
    name = space["metadata"]["name"]
    if "deletionTimestamp" in space["metadata"]:
        return
    if parts.store.get("ServiceAccount", name, "default") is not None:
        return
    meta: dict[str, Any] = {"name": "kube-root-ca.crt", "namespace": name}
    certificate = {"ca.crt": "the twin's certificate authority"}
    parts.api.create(
        {"kind": "ConfigMap", "metadata": meta, "data": certificate}, "kube-controller-manager"
    )
    parts.api.create(
        {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}},
        "kube-controller-manager",
    )


def _node(spec: NodeSpec, world: World, stamp: str) -> Item:
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/os": "linux",
        **spec.labels,
    }
    taints = [dict(taint) for taint in spec.taints]
    body: Item = {"unschedulable": True} if spec.unschedulable else {}
    if spec.unschedulable:
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    if taints:
        body["taints"] = taints
    size = {"ephemeral-storage": "50Gi", **spec.allocatable}
    return {
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": labels},
        "spec": body,
        "status": {
            "capacity": dict(size),
            "allocatable": dict(size),
            "conditions": [
                {
                    "type": kind,
                    "status": truth,
                    "lastHeartbeatTime": stamp,
                    "lastTransitionTime": stamp,
                    "reason": reason,
                    "message": message,
                }
                for kind, truth, reason, message in GOOD_CONDITIONS
            ],
            "nodeInfo": {"kubeletVersion": world.cluster.version, "operatingSystem": "linux"},
        },
    }
