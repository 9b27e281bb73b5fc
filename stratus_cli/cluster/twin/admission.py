"""What admission plugins and registries add to new objects: addresses, token volumes."""

from __future__ import annotations

import itertools

from stratus_cli.cluster.twin import refusals
from stratus_cli.cluster.twin.defaults import all_containers
from stratus_cli.cluster.twin.names import Names
from stratus_cli.cluster.twin.store import Item, Store
from stratus_cli.model.errors import Invalid
from stratus_cli.model.ref import Ref

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105  # a path


FIRST_NODE_PORT = 30000
"""Of --service-node-port-range; the API server picks from it at random."""


def admit(item: Item, store: Store, names: Names) -> None:
    """Change a new object in place. Invalid: a Service's address or port is somebody else's."""
    if item["kind"] == "Service":
        _give_address(item, store)
    elif item["kind"] == "Pod":
        _mount_token(item, names)


def _give_address(service: Item, store: Store) -> None:
    spec = service.setdefault("spec", {})
    if spec.get("type") == "ExternalName":
        return
    others = [other["spec"] for other in store.of("Service")]
    taken = {other.get("clusterIP") for other in others}
    asked = spec.get("clusterIP")
    if asked in taken and asked != "None":
        raise _refused(
            service,
            f'spec.clusterIPs: Invalid value: ["{asked}"]: failed to allocate IP {asked}:'
            " provided IP is already allocated",
        )
    if not asked:
        number = 10
        while (address := f"10.96.{number // 250}.{number % 250 + 1}") in taken:
            number += 1
        spec["clusterIP"] = address
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        _give_node_ports(service, others)


def _give_node_ports(service: Item, others: list[Item]) -> None:
    taken = {port.get("nodePort") for other in others for port in other.get("ports") or ()}
    for index, port in enumerate(service["spec"].get("ports") or ()):
        asked = port.get("nodePort")
        if asked and asked in taken:
            raise _refused(
                service,
                f"spec.ports[{index}].nodePort: Invalid value: {asked}: provided port is already"
                " allocated",
            )
        if not asked:
            port["nodePort"] = next(n for n in itertools.count(FIRST_NODE_PORT) if n not in taken)
        taken.add(port["nodePort"])


def _refused(service: Item, problem: str) -> Invalid:
    meta = service["metadata"]
    ref = Ref("Service", meta.get("namespace", ""), meta.get("name", ""), "v1")
    return refusals.invalid(ref, problem)


def _mount_token(pod: Item, names: Names) -> None:
    """The ServiceAccount admission plugin."""
    spec = pod.setdefault("spec", {})
    if spec.get("automountServiceAccountToken") is False:
        return
    volume = f"kube-api-access-{names.suffix()}"
    for container in all_containers(spec):
        mounts = container.setdefault("volumeMounts", [])
        if not any(mount.get("mountPath") == TOKEN_PATH for mount in mounts):
            mounts.append({"name": volume, "readOnly": True, "mountPath": TOKEN_PATH})
    certificate = {
        "name": "kube-root-ca.crt",
        "items": [{"key": "ca.crt", "path": "ca.crt"}],
    }
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    spec.setdefault("volumes", []).append(
        {
            "name": volume,
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": certificate},
                    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
                ],
            },
        }
    )
