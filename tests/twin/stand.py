"""A twin of the test bed with one namespace, and small manifests for it."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import World, load_world
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.ref import Ref

SPACE = "t-twin"
IMAGE = "172.30.0.2:5000/stratus/app"
PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}

Item = dict[str, Any]


@cache
def _bed() -> World:
    return load_world((Path(__file__).parent / "bed-world.yaml").read_text())


def bed_world(**changes: Any) -> World:
    return msgspec.structs.replace(_bed(), **changes)


def twin(*items: Item, run_s: float = 0.0, **changes: Any) -> Twin:
    made = Twin(bed_world(**changes))
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    for item in items:
        made.apply(item)
    made.advance(run_s)
    return made


def deployment(name: str = "web", replicas: int = 2, **container: Any) -> Item:
    spec = {
        "name": "app",
        "image": f"{IMAGE}:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": copy.deepcopy(PROBE),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [{**spec, **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": SPACE, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def service(name: str = "web", target: int | str = "http") -> Item:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": target}],
        },
    }


def pod_spec(item: Item) -> Item:
    return item["spec"]["template"]["spec"]


def get(made: Twin, kind: str, name: str, namespace: str = SPACE) -> Item:
    found = made.get(Ref(kind, namespace, name, BY_KIND[kind].api_version))
    assert found is not None, f"{kind} {name}"
    return found


def listed(made: Twin, kind: str, namespace: str | None = SPACE) -> list[Item]:
    return [item for page in made.list_pages(kind, namespace) for item in json.loads(page)["items"]]


def pods(made: Twin, name: str = "web") -> list[Item]:
    found = listed(made, "Pod")
    return [pod for pod in found if pod["metadata"].get("labels", {}).get("app") == name]


def container(pod: Item, name: str = "app", group: str = "containerStatuses") -> Item:
    return next(item for item in pod["status"][group] if item["name"] == name)


def ready(made: Twin, name: str = "web") -> list[str]:
    return sorted(
        pod["metadata"]["name"]
        for pod in pods(made, name)
        if condition(pod, "Ready")["status"] == "True"
    )


def condition(item: Item, kind: str) -> Item:
    for found in item["status"].get("conditions", []):
        if found["type"] == kind:
            return found
    return {"status": "(none)", "reason": "", "message": ""}


def endpoints(made: Twin, name: str = "web") -> list[str]:
    return sorted(
        endpoint["targetRef"]["name"]
        for item in listed(made, "EndpointSlice")
        if item["metadata"]["labels"]["kubernetes.io/service-name"] == name
        for endpoint in item["endpoints"] or []
        if endpoint["conditions"]["ready"]
    )


def messages(made: Twin, reason: str) -> list[str]:
    return [item["message"] for item in listed(made, "Event") if item["reason"] == reason]
