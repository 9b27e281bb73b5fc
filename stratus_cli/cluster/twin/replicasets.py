"""The ReplicaSet controller (pkg/controller/replicaset of 1.34): as many pods as wanted."""

from __future__ import annotations

from stratus_cli.cluster.twin import conditions
from stratus_cli.cluster.twin.parts import LATENCY_S, MANAGER, Parts
from stratus_cli.cluster.twin.store import Item, Key, controller_uid, fresh, key_of, owner_reference
from stratus_cli.cluster.twin.timeline import WorkQueue
from stratus_cli.cluster.twin.usage import is_finished
from stratus_cli.kube.kinds import with_api_version
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.ref import Ref

BURST = 500
FIRST_RETRY_S, LONGEST_RETRY_S = 0.005, 1000.0  # client-go's default rate limiter
COMPONENT = "replicaset-controller"


class ReplicaSetController:
    """Makes and deletes pods."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: WorkQueue[Key] = WorkQueue(parts.timeline, self._sync, LATENCY_S)
        self._failures: dict[Key, int] = {}
        parts.store.watch("ReplicaSet", lambda item, gone: self._queue.add(key_of(item)))
        parts.store.watch("Pod", self._pod_changed)

    def _pod_changed(self, pod: Item, gone: bool) -> None:
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "ReplicaSet":
                self._queue.add((pod["metadata"]["namespace"], owner["name"]))
                return
        if not gone and "deletionTimestamp" not in pod["metadata"]:
            self._adopt(pod)

    def _adopt(self, pod: Item) -> None:
        """An orphan that a ReplicaSet selects belongs to it."""
        labels = pod["metadata"].get("labels") or {}
        if "pod-template-hash" not in labels:
            return
        for item in self._parts.store.of("ReplicaSet", pod["metadata"]["namespace"]):
            selector = item["spec"]["selector"].get("matchLabels") or {}
            if selector and all(labels.get(key) == value for key, value in selector.items()):
                copy = fresh(pod)
                copy["metadata"]["ownerReferences"] = [owner_reference(item)]
                self._parts.api.replace(copy, MANAGER)
                return

    def _sync(self, key: Key) -> None:
        item = self._parts.store.get("ReplicaSet", *key)
        if item is None:
            self._failures.pop(key, None)
            return
        self._release(item)
        pods = self._active(item)
        problem = "" if "deletionTimestamp" in item["metadata"] else self._manage(item, pods)
        self._write_status(item, self._active(item), problem)
        if problem:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            self._queue.add(key, min(FIRST_RETRY_S * 2**failures, LONGEST_RETRY_S))
        else:
            self._failures.pop(key, None)

    def _release(self, item: Item) -> None:
        """Let go of pods whose labels no longer match."""
        selector = item["spec"]["selector"].get("matchLabels") or {}
        for pod in self._parts.store.owned_by(item["metadata"]["uid"], "Pod"):
            labels = pod["metadata"].get("labels") or {}
            if all(labels.get(key) == value for key, value in selector.items()):
                continue
            copy = fresh(pod)
            uid = item["metadata"]["uid"]
            owners = [own for own in copy["metadata"]["ownerReferences"] if own["uid"] != uid]
            copy["metadata"]["ownerReferences"] = owners
            self._parts.api.replace(copy, MANAGER)

    def _active(self, item: Item) -> list[Item]:
        uid = item["metadata"]["uid"]
        return [
            pod
            for pod in self._parts.store.owned_by(uid, "Pod")
            if controller_uid(pod) == uid
            and "deletionTimestamp" not in pod["metadata"]
            and not is_finished(pod)
        ]

    def _manage(self, item: Item, pods: list[Item]) -> str:
        """Make or delete pods; what went wrong, or ""."""
        difference = len(pods) - int(item["spec"]["replicas"])
        if difference < 0:
            return self._create(item, min(-difference, BURST))
        for pod in _first_to_go(pods)[: min(difference, BURST)]:
            name = pod["metadata"]["name"]
            ref = with_api_version(Ref("Pod", pod["metadata"]["namespace"], name))
            self._parts.api.delete(ref)
            self._say(item, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")
        return ""

    def _create(self, item: Item, number: int) -> str:
        for _ in range(number):
            try:
                pod = self._parts.api.create(_pod_of(item), MANAGER)
            except ClusterAnswer as error:
                self._say(item, "Warning", "FailedCreate", f"Error creating: {error.what}")
                return error.what
            self._say(item, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return ""

    def _write_status(self, item: Item, pods: list[Item], problem: str) -> None:
        old = item.get("status") or {}
        status: Item = {"replicas": len(pods)}
        labels = item["spec"]["template"]["metadata"].get("labels") or {}
        ready = [pod for pod in pods if is_ready(pod)]
        minimum = float(item["spec"].get("minReadySeconds", 0))
        available = [pod for pod in ready if self._ready_for(pod) >= minimum]
        full = [pod for pod in pods if labels.items() <= pod["metadata"].get("labels", {}).items()]
        for name, number in (
            ("fullyLabeledReplicas", len(full)),
            ("readyReplicas", len(ready)),
            ("availableReplicas", len(available)),
            ("observedGeneration", item["metadata"]["generation"]),
        ):
            if number:
                status[name] = number
        kept = [dict(condition) for condition in old.get("conditions") or ()]
        if kept:
            status["conditions"] = kept
        self._set_failure(status, problem, len(pods) - int(item["spec"]["replicas"]))
        self._parts.api.set_status(item, status, MANAGER)
        if len(available) < len(ready):
            waits = [minimum - self._ready_for(pod) for pod in ready if pod not in available]
            self._queue.add(key_of(item), min(waits) + 0.1)

    def _set_failure(self, status: Item, problem: str, difference: int) -> None:
        known = conditions.find(status, "ReplicaFailure")
        if problem and known is None:
            condition = {
                "type": "ReplicaFailure",
                "status": "True",
                "lastTransitionTime": self._parts.timeline.stamp(),
                "reason": "FailedCreate" if difference < 0 else "FailedDelete",
                "message": problem,
            }
            conditions.assign(status, condition)
        elif not problem and known is not None:
            conditions.drop(status, "ReplicaFailure")
            if not status["conditions"]:
                del status["conditions"]

    def _ready_for(self, pod: Item) -> float:
        ready = conditions.find(pod["status"], "Ready")
        if ready is None:
            return 0.0
        since = self._parts.timeline.seconds_at(ready["lastTransitionTime"])
        return self._parts.timeline.now_s - since

    def _say(self, item: Item, kind: str, reason: str, message: str) -> None:
        self._parts.recorder.record(COMPONENT, item, kind, reason, message)


def is_ready(pod: Item) -> bool:
    """Its Ready condition is True."""
    ready = conditions.find(pod.get("status") or {}, "Ready")
    return ready is not None and ready["status"] == "True"


def _pod_of(item: Item) -> Item:
    template = fresh(item["spec"]["template"])
    meta = template.get("metadata") or {}
    made: Item = {
        "generateName": f"{item['metadata']['name']}-",
        "namespace": item["metadata"]["namespace"],
        "ownerReferences": [owner_reference(item)],
    }
    for name in ("labels", "annotations", "finalizers"):
        if meta.get(name):
            made[name] = meta[name]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]}


def _first_to_go(pods: list[Item]) -> list[Item]:
    """Unassigned, pending, not ready first; then the fuller node, the younger, the later name."""
    per_node: dict[str, int] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName", "")
        per_node[node] = per_node.get(node, 0) + 1
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    # Two stable sorts: youngest first, then by state.
    youngest = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    return sorted(
        youngest,
        key=lambda pod: (
            bool(pod["spec"].get("nodeName")),
            phases.get(pod["status"].get("phase", ""), 3),
            is_ready(pod),
            -per_node[pod["spec"].get("nodeName", "")],
        ),
    )
