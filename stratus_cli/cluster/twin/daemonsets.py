"""The DaemonSet controller (pkg/controller/daemon of 1.34): one pod on each node that fits.

Not simulated: maxSurge, OnDelete's history, pods that failed for good.
"""

from __future__ import annotations

import math

from stratus_cli.cluster.twin.filters import fits_affinity, tolerates
from stratus_cli.cluster.twin.parts import LATENCY_S, MANAGER, Parts
from stratus_cli.cluster.twin.replicasets import is_ready
from stratus_cli.cluster.twin.revisions import LABEL, Revisions
from stratus_cli.cluster.twin.store import Item, Key, controller_uid, fresh, key_of, owner_reference
from stratus_cli.cluster.twin.timeline import WorkQueue
from stratus_cli.kube.kinds import with_api_version
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.ref import Ref

COMPONENT = "daemonset-controller"
RETRY_S = 1.0  # our choice: the real one backs off from 5 ms; a refused pod here stays refused
TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""What every daemon's pod tolerates (daemon/util/daemonset_util.go)."""


class DaemonSetController:
    """Makes and deletes pods, node by node."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: WorkQueue[Key] = WorkQueue(parts.timeline, self._sync, LATENCY_S)
        self._revisions = Revisions()
        parts.store.watch("DaemonSet", lambda item, gone: self._queue.add(key_of(item)))
        parts.store.watch("Node", lambda item, gone: self._all())
        parts.store.watch("Pod", self._pod_changed)

    def _all(self) -> None:
        for item in self._parts.store.of("DaemonSet"):
            self._queue.add(key_of(item))

    def _pod_changed(self, pod: Item, gone: bool) -> None:
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "DaemonSet":
                self._queue.add((pod["metadata"]["namespace"], owner["name"]))

    def _sync(self, key: Key) -> None:
        item = self._parts.store.get("DaemonSet", *key)
        if item is None or "deletionTimestamp" in item["metadata"]:
            return
        pods = self._pods(item)
        labels = [pod["metadata"]["labels"].get(LABEL, "") for pod in pods]
        revision = self._revisions.of(item, labels[-1] if labels else "")
        nodes = [node for node in self._parts.store.of("Node") if _runs_on(item, node)]
        self._place(item, {node["metadata"]["name"] for node in nodes}, revision)
        self._update(item, len(nodes), revision)
        self._write_status(item, len(nodes), revision)

    def _pods(self, item: Item) -> list[Item]:
        uid = item["metadata"]["uid"]
        owned = self._parts.store.owned_by(uid, "Pod")
        return [pod for pod in owned if controller_uid(pod) == uid]

    def _place(self, item: Item, wanted: set[str], revision: str) -> None:
        """A pod on each node that wants one; none elsewhere, or twice."""
        taken: set[str] = set()
        for pod in self._pods(item):
            node = node_of(pod)
            if "deletionTimestamp" in pod["metadata"]:
                taken.add(node)  # a new one comes when it is gone
            elif node not in wanted or node in taken:
                self._delete(item, pod)
            else:
                taken.add(node)
        for node in sorted(wanted - taken):
            try:
                pod = self._parts.api.create(_pod_of(item, node, revision), MANAGER)
            except ClusterAnswer as error:
                self._say(item, "Warning", "FailedCreate", f"Error creating: {error.what}")
                self._queue.add(key_of(item), RETRY_S)
                return
            self._say(item, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _update(self, item: Item, number: int, revision: str) -> None:
        """Replace old pods, as many at once as may be missing."""
        strategy = item["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        allowed = limit if isinstance(limit, int) else _share(limit, number)
        pods = [pod for pod in self._pods(item) if "deletionTimestamp" not in pod["metadata"]]
        missing = number - sum(map(is_ready, pods))
        old = [pod for pod in pods if pod["metadata"]["labels"].get(LABEL) != revision]
        for pod in sorted(old, key=is_ready):  # those that serve nobody cost nothing
            if is_ready(pod):
                if missing >= max(allowed, 1):
                    return
                missing += 1
            self._delete(item, pod)

    def _write_status(self, item: Item, number: int, revision: str) -> None:
        pods = [pod for pod in self._pods(item) if "deletionTimestamp" not in pod["metadata"]]
        ready = sum(map(is_ready, pods))
        current = [pod for pod in pods if pod["metadata"]["labels"].get(LABEL) == revision]
        status: Item = {
            "currentNumberScheduled": len(pods),
            "desiredNumberScheduled": number,
            "numberMisscheduled": 0,
            "numberReady": ready,
            "observedGeneration": item["metadata"]["generation"],
        }
        counts = {
            "updatedNumberScheduled": len(current),
            "numberAvailable": ready,
            "numberUnavailable": number - ready,
        }
        status |= {name: count for name, count in counts.items() if count > 0}
        self._parts.api.set_status(item, status, MANAGER)

    def _delete(self, item: Item, pod: Item) -> None:
        meta = pod["metadata"]
        self._parts.api.delete(with_api_version(Ref("Pod", meta["namespace"], meta["name"])))
        self._say(item, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    def _say(self, item: Item, kind: str, reason: str, message: str) -> None:
        self._parts.recorder.record(COMPONENT, item, kind, reason, message)


def node_of(pod: Item) -> str:
    """The node a daemon's pod is for, bound or not."""
    name = pod["spec"].get("nodeName")
    if name:
        return str(name)
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return ""


def _runs_on(item: Item, node: Item) -> bool:
    # Its own place among the nodes is no part of the question.
    pod = _pod_of(item, "", "")
    taints = (node.get("spec") or {}).get("taints") or ()
    hard = [taint for taint in taints if taint.get("effect") in ("NoSchedule", "NoExecute")]
    return fits_affinity(_template_pod(item), node) and all(tolerates(pod, it) for it in hard)


def _template_pod(item: Item) -> Item:
    return {"metadata": {}, "spec": item["spec"]["template"]["spec"]}


def _pod_of(item: Item, node: str, revision: str) -> Item:
    template = fresh(item["spec"]["template"])
    meta, spec = template.get("metadata") or {}, template["spec"]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    required = affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    terms = required.get("nodeSelectorTerms") or [{}]
    required["nodeSelectorTerms"] = [{**old, **term} for old in terms]
    known = spec.get("tolerations") or []
    more = [
        {"key": key, "operator": "Exists", "effect": effect}
        for key, effect in TOLERATED
        if not any(old.get("key") == key and old.get("effect") == effect for old in known)
    ]
    spec["tolerations"] = [*known, *more]
    generation = str(item["metadata"].get("generation", 1))
    labels = {**(meta.get("labels") or {}), LABEL: revision, "pod-template-generation": generation}
    made: Item = {
        "generateName": f"{item['metadata']['name']}-",
        "namespace": item["metadata"]["namespace"],
        "labels": labels,
        "ownerReferences": [owner_reference(item)],
    }
    if meta.get("annotations"):
        made["annotations"] = meta["annotations"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec}


def _share(limit: str, number: int) -> int:
    text = limit.rstrip("%")
    return math.ceil(int(text) * number / 100) if text.isdigit() else 1
