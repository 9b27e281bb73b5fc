"""Defaulting as the API server does it (Kubernetes 1.34, pkg/apis/*/v1/defaults.go)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from stratus_cli.cluster.twin.store import Item

DEFAULT_TOLERATIONS = tuple(
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute",
     "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
)  # fmt: skip
FILE_MODE = 420  # 0644
MAPS = ("annotations", "labels", "limits", "matchLabels", "nodeSelector", "requests")


def without_nulls(node: Any) -> Any:  # noqa: ANN401  # any JSON
    """JSON null means absent in a request."""
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    if isinstance(node, list):
        return [without_nulls(value) for value in node]
    return node


def fill(item: Item) -> None:
    """Fill in what the API server fills in, in place. Unknown kinds stay as they are."""
    _leave_out_empty(item["metadata"])
    filler = _BY_KIND.get(item["kind"])
    if filler is not None:
        if item["kind"] != "EndpointSlice":
            _leave_out_empty(item.get("spec"))
        filler(item)


def _leave_out_empty(node: Any) -> None:  # noqa: ANN401  # any JSON
    """Empty lists and maps are not kept (omitempty in Go); empty structs are."""
    if isinstance(node, dict):
        for key, value in list(node.items()):
            _leave_out_empty(value)
            if value == [] or (value == {} and key in MAPS):
                del node[key]
    elif isinstance(node, list):
        for value in node:
            _leave_out_empty(value)


def _deployment(item: Item) -> None:
    spec = _object(item, "spec")
    spec.setdefault("replicas", 1)
    strategy = _object(spec, "strategy")
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = _object(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    _template(spec)


def _replica_set(item: Item) -> None:
    spec = _object(item, "spec")
    spec.setdefault("replicas", 1)
    _template(spec)


def _stateful_set(item: Item) -> None:
    spec = _object(item, "spec")
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = _object(spec, "updateStrategy")
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _object(strategy, "rollingUpdate").setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    _template(spec)


def _daemon_set(item: Item) -> None:
    spec = _object(item, "spec")
    strategy = _object(spec, "updateStrategy")
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = _object(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    _template(spec)


def _job(item: Item) -> None:
    spec = _object(item, "spec")
    spec.setdefault("completions", 1)
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("suspend", False)
    _template(spec)


def _template(spec: Item) -> None:
    template = _object(spec, "template")
    _object(template, "metadata")
    pod_spec(_object(template, "spec"))


def _pod(item: Item) -> None:
    spec = _object(item, "spec")
    pod_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    known = {toleration.get("key") for toleration in tolerations}
    tolerations.extend(dict(extra) for extra in DEFAULT_TOLERATIONS if extra["key"] not in known)
    for container in all_containers(spec):
        resources = container["resources"]
        for name, amount in (resources.get("limits") or {}).items():
            resources.setdefault("requests", {}).setdefault(name, amount)


def pod_spec(spec: Item) -> None:
    """Defaults of a pod spec, in a template as in a pod."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    for container in all_containers(spec):
        _container(container)
    for volume in spec.get("volumes") or ():
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if isinstance(volume.get(source), dict):
                volume[source].setdefault("defaultMode", FILE_MODE)
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}


def all_containers(spec: Item) -> Iterator[Item]:
    """Init containers first."""
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _container(container: Item) -> None:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    latest = "@" not in image and tag in ("", "latest")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        source = (variable.get("valueFrom") or {}).get("fieldRef")
        if source:
            source.setdefault("apiVersion", "v1")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])


def _probe(probe: Item) -> None:
    for name, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe.setdefault(name, value)
    if isinstance(probe.get("httpGet"), dict):
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _service(item: Item) -> None:
    spec = _object(item, "spec")
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))


def _endpoint_slice(item: Item) -> None:
    """No endpoints are null, not missing."""
    for name in ("endpoints", "ports"):
        item.setdefault(name, None)


def _secret(item: Item) -> None:
    item.setdefault("type", "Opaque")
    texts = item.pop("stringData", None) or {}  # write-only: it becomes data
    if texts:
        coded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        item["data"] = {**(item.get("data") or {}), **coded}


def _namespace(item: Item) -> None:
    name = item["metadata"]["name"]
    item["metadata"].setdefault("labels", {}).setdefault("kubernetes.io/metadata.name", name)
    _object(item, "spec").setdefault("finalizers", ["kubernetes"])
    _object(item, "status").setdefault("phase", "Active")


def _object(parent: Item, name: str) -> Item:
    value = parent.get(name)
    if not isinstance(value, dict):
        value = parent[name] = {}
    return value


_BY_KIND: dict[str, Callable[[Item], None]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Pod": _pod,
    "Service": _service,
    "EndpointSlice": _endpoint_slice,
    "Secret": _secret,
    "Namespace": _namespace,
}
