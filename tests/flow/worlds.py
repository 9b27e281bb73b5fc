"""Small worlds for flow tests: a few workloads of the test app in namespace shop, and a fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

Item = dict[str, Any]

PROGRAMS = [
    {
        "argv": ["python3", "/app/app.py"],
        "checks": [
            {"env": "CONFIG", "json_file": True, "code": 1, "log": "cannot read {value}"},
            {"env": "PORT", "number": [1, 65535], "code": 1, "log": "PORT is {value}"},
        ],
        "memory_mib": [14, {"env": "MEMORY_MIB"}],
        "start_s": [0.4, {"env": "START_DELAY_S"}],
        "listens": [{"env": "PORT", "default": 8080}],
        "paths": {"/": {"env": "STATUS", "default": 200}, "/healthz": 200},
        "upstreams": {"env": "UPSTREAMS", "path": "/", "code": 502},
        "log": ["listening on port {port}"],
    },
    {"argv": ["python3"], "exit": {"code": 2, "log": ["can't open file '{argv1}'"]}},
]
IMAGE = {
    "name": "stratus/app",
    "tags": ["1", "2"],
    "command": ["python3", "/app/app.py"],
    "executables": ["python3", "sh"],
    "programs": PROGRAMS,
}
NEVER_PUSHED = "stratus/app:1.1-rc"
SHOP: Item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


def app(
    name: str,
    *,
    replicas: int = 1,
    image: str = "stratus/app:1",
    namespace: str = "shop",
    env: dict[str, str] | None = None,
    container: Item | None = None,
    pod: Item | None = None,
    spec: Item | None = None,
    metadata: Item | None = None,
) -> list[Item]:
    """A Deployment of the test app, and its Service."""
    box: Item = {
        "name": "app",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        **(container or {}),
    }
    if env:
        box["env"] = [{"name": key, "value": value} for key, value in env.items()]
    meta = {"name": name, "namespace": namespace, "labels": {"app": name}, **(metadata or {})}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [box],
                    **(pod or {}),
                },
            },
            **(spec or {}),
        },
    }
    return [deployment, service(name, namespace)]


def service(name: str, namespace: str = "shop") -> Item:
    """A Service that selects the app of its name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def set_box(name: str, at: float, *, namespace: str = "shop", **fields: Any) -> Item:
    """A scene: somebody changes fields of the app's container."""
    box = {"name": "app", **fields}
    patch = {"spec": {"template": {"spec": {"containers": [box]}}}}
    return patched("Deployment", name, at, patch, namespace=namespace)


def patched(kind: str, name: str, at: float, patch: Item, *, namespace: str = "shop") -> Item:
    """A scene: somebody changes an object by a strategic merge patch."""
    target = {"kind": kind, "namespace": namespace, "name": name, "strategic": patch}
    return {"at": at, "as": "kubectl-edit", "patch": target}


def world(
    manifests: Sequence[Item], script: Sequence[Item] = (), *, settle: float = 60, nodes: int = 1
) -> str:
    """The world's text. settle: seconds run before the test begins."""
    content = {
        "clock": "2026-11-24T09:00:00Z",
        "nodes": [{"name": f"node{number}"} for number in range(1, nodes + 1)],
        "images": [IMAGE],
        "manifests": [SHOP, *manifests],
        "script": list(script),
        "settle": settle,
    }
    return yaml.dump(content)


def broken_image(*more: Item, replicas: int = 1, **fields: Any) -> str:
    """cart runs well, then gets an image tag that was never pushed."""
    return world(
        [*app("cart", replicas=replicas, **fields), *more],
        [set_box("cart", 30, image=NEVER_PUSHED)],
        settle=90,
    )
