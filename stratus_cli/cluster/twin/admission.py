"""What admission plugins and registries add to new objects: addresses, token volumes."""

from __future__ import annotations

from stratus_cli.cluster.twin.defaults import all_containers
from stratus_cli.cluster.twin.names import Names
from stratus_cli.cluster.twin.store import Item, Store

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105  # a path


def admit(item: Item, store: Store, names: Names) -> None:
    """Change a new object in place."""
    if item["kind"] == "Service":
        _give_address(item, store)
    elif item["kind"] == "Pod":
        _mount_token(item, names)


def _give_address(service: Item, store: Store) -> None:
    spec = service.setdefault("spec", {})
    if spec.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP"):
        taken = {other["spec"].get("clusterIP") for other in store.of("Service")}
        number = 10
        while (address := f"10.96.{number // 250}.{number % 250 + 1}") in taken:
            number += 1
        spec["clusterIP"] = address
    spec.setdefault("clusterIPs", [spec["clusterIP"]])


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
