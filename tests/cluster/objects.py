"""Manifests that tests need again and again: the app as a Deployment, its Service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cluster.layout import REGISTRY

APP = f"{REGISTRY}/stratus/app"
PORT = 8080


def container(
    name: str = "web",
    *,
    tag: str = "1",
    env: Mapping[str, str] | None = None,
    memory: str = "64Mi",
    probe: bool = True,
) -> dict[str, Any]:
    """A container that runs the app with the given environment and memory limit."""
    made: dict[str, Any] = {
        "name": name,
        "image": f"{APP}:{tag}",
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "ports": [{"containerPort": PORT}],
        "resources": {
            "requests": {"cpu": "5m", "memory": "16Mi"},
            "limits": {"memory": memory},
        },
    }
    if probe:
        made["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1}
    return made


def pod_spec(*containers: Mapping[str, Any]) -> dict[str, Any]:
    """A pod that ends within a second."""
    return {"terminationGracePeriodSeconds": 1, "containers": list(containers)}


def pod(name: str, *containers: Mapping[str, Any]) -> dict[str, Any]:
    """A bare pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": pod_spec(*containers),
    }


def deployment(name: str, *containers: Mapping[str, Any], replicas: int = 1) -> dict[str, Any]:
    """A Deployment whose pods carry the label app=<name>."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(*containers)},
        },
    }


def service(name: str) -> dict[str, Any]:
    """A Service, port 80, of the pods with the label app=<name>."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": PORT}]},
    }
