"""The EndpointSlice controller: which addresses a Service sends its traffic to."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from stratus_cli.cluster.twin.parts import MANAGER, Parts
from stratus_cli.cluster.twin.replicasets import is_ready
from stratus_cli.cluster.twin.store import Item, Key, key_of, owner_reference
from stratus_cli.cluster.twin.timeline import WorkQueue
from stratus_cli.cluster.twin.usage import is_finished

LATENCY_S = 0.1
PER_SLICE = 100  # --max-endpoints-per-slice
SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_LABEL = "endpointslice.kubernetes.io/managed-by"
Ports = tuple[tuple[str, int, str], ...]


class EndpointController:
    """Keeps each Service's slices equal to its selector's pods."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: WorkQueue[Key] = WorkQueue(parts.timeline, self._sync, LATENCY_S)
        self._by_pair: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._pair_of: dict[Key, tuple[str, str, str]] = {}
        self._labels_of: dict[str, dict[str, str]] = {}
        parts.store.watch("Service", self._service_changed)
        parts.store.watch("Pod", self._pod_changed)
        parts.store.watch("EndpointSlice", self._slice_changed)

    def _service_changed(self, service: Item, gone: bool) -> None:
        key = key_of(service)
        pair = self._pair_of.pop(key, None)
        if pair is not None:
            self._by_pair[pair].discard(key[1])
        selector = (service.get("spec") or {}).get("selector")
        if selector and not gone:
            first = next(iter(sorted(selector.items())))
            self._pair_of[key] = (key[0], *first)
            self._by_pair[(key[0], *first)].add(key[1])
        self._queue.add(key)

    def _pod_changed(self, pod: Item, gone: bool) -> None:
        meta = pod["metadata"]
        labels = meta.get("labels") or {}
        before = self._labels_of.get(meta["uid"], labels)
        for key, value in {*labels.items(), *before.items()}:
            for name in self._by_pair.get((meta["namespace"], key, value), ()):
                self._queue.add((meta["namespace"], name))
        if gone:
            self._labels_of.pop(meta["uid"], None)
        else:
            self._labels_of[meta["uid"]] = dict(labels)

    def _slice_changed(self, item: Item, gone: bool) -> None:
        """A deleted slice is made again."""
        name = (item["metadata"].get("labels") or {}).get(SERVICE_LABEL)
        if gone and name:
            self._queue.add((item["metadata"]["namespace"], name))

    def _sync(self, key: Key) -> None:
        service = self._parts.store.get("Service", *key)
        if service is None:
            return
        spec = service.get("spec") or {}
        if not spec.get("selector") or spec.get("type") == "ExternalName":
            return
        groups: dict[Ports, list[Item]] = defaultdict(list)
        for pod in self._parts.store.pods_selected(key[0], spec["selector"]):
            address = pod["status"].get("podIP")
            if address and not is_finished(pod):
                groups[_ports(service, pod)].append(_endpoint(service, pod))
        self._write(service, groups)

    def _write(self, service: Item, groups: dict[Ports, list[Item]]) -> None:
        wanted: list[tuple[Ports | None, list[Item] | None]] = [
            (ports, endpoints[start : start + PER_SLICE])
            for ports, endpoints in sorted(groups.items())
            for start in range(0, len(endpoints), PER_SLICE)
        ] or [(None, None)]
        mine = [
            item
            for item in self._parts.store.owned_by(service["metadata"]["uid"], "EndpointSlice")
            if (item["metadata"].get("labels") or {}).get(MANAGED_LABEL)
        ]
        for index, (ports, endpoints) in enumerate(wanted):
            shown = [_port(*port) for port in ports] if ports else None
            if index < len(mine):
                self._update(mine[index], endpoints, shown)
            else:
                self._add(service, endpoints, shown)
        for item in mine[len(wanted) :]:
            self._parts.store.remove(item)

    def _update(self, item: Item, endpoints: Any, ports: Any) -> None:  # noqa: ANN401  # or null
        if item["endpoints"] == endpoints and item["ports"] == ports:
            return
        item["endpoints"], item["ports"] = endpoints, ports
        item["metadata"]["generation"] = item["metadata"].get("generation", 0) + 1
        self._parts.store.touch(item)

    def _add(self, service: Item, endpoints: Any, ports: Any) -> None:  # noqa: ANN401  # or null
        meta = service["metadata"]
        made: Item = {
            "kind": "EndpointSlice",
            "metadata": {
                "generateName": f"{meta['name']}-",
                "namespace": meta["namespace"],
                "labels": {
                    **(meta.get("labels") or {}),
                    SERVICE_LABEL: meta["name"],
                    MANAGED_LABEL: "endpointslice-controller.k8s.io",
                },
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports,
        }
        self._parts.api.create(made, MANAGER)


def _endpoint(service: Item, pod: Item) -> Item:
    meta = pod["metadata"]
    ready = is_ready(pod)
    terminating = "deletionTimestamp" in meta
    always = bool(service["spec"].get("publishNotReadyAddresses"))
    reference = {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"]}
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": always or (ready and not terminating),
            "serving": ready,
            "terminating": terminating,
        },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {**reference, "uid": meta["uid"]},
    }


def _ports(service: Item, pod: Item) -> Ports:
    """The Service's ports as this pod serves them; a name that it does not have is left out."""
    found = []
    for port in service["spec"].get("ports") or ():
        target = port.get("targetPort", port["port"])
        protocol = port.get("protocol", "TCP")
        number = target if isinstance(target, int) else _named(pod, target, protocol)
        if number is not None:
            found.append((port.get("name", ""), number, protocol))
    return tuple(found)


def _named(pod: Item, name: str, protocol: str) -> int | None:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == name and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


def _port(name: str, number: int, protocol: str) -> Item:
    return {"name": name, "port": number, "protocol": protocol}
