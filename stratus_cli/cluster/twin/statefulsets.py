"""The StatefulSet controller (pkg/controller/statefulset of 1.34): pods with names, one by one.

Not simulated: claims are named in the pods but not made, Parallel, maxUnavailable.
"""

from __future__ import annotations

from stratus_cli.cluster.twin.parts import LATENCY_S, MANAGER, Parts
from stratus_cli.cluster.twin.replicasets import is_ready
from stratus_cli.cluster.twin.revisions import LABEL, Revisions
from stratus_cli.cluster.twin.store import Item, Key, controller_uid, fresh, key_of, owner_reference
from stratus_cli.cluster.twin.timeline import WorkQueue
from stratus_cli.kube.kinds import with_api_version
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.ref import Ref

COMPONENT = "statefulset-controller"
RETRY_S = 1.0  # our choice: the real one backs off from 5 ms; a refused pod here stays refused


class StatefulSetController:
    """Makes pods in order, and replaces them from the last to the first."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: WorkQueue[Key] = WorkQueue(parts.timeline, self._sync, LATENCY_S)
        self._revisions = Revisions()
        parts.store.watch("StatefulSet", lambda item, gone: self._queue.add(key_of(item)))
        parts.store.watch("Pod", self._pod_changed)

    def _pod_changed(self, pod: Item, gone: bool) -> None:
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "StatefulSet":
                self._queue.add((pod["metadata"]["namespace"], owner["name"]))

    def _sync(self, key: Key) -> None:
        item = self._parts.store.get("StatefulSet", *key)
        if item is None or "deletionTimestamp" in item["metadata"]:
            return
        name = item["metadata"]["name"]
        former = (item.get("status") or {}).get("updateRevision", "").removeprefix(f"{name}-")
        revision = self._revisions.of(item, former)
        update = f"{name}-{revision}"
        current = (item.get("status") or {}).get("currentRevision", update)
        self._step(item, current, update)
        self._write_status(item, current, update)

    def _pods(self, item: Item) -> dict[int, Item]:
        """By ordinal, those on their way out included."""
        uid, name = item["metadata"]["uid"], item["metadata"]["name"]
        found = {}
        for pod in self._parts.store.owned_by(uid, "Pod"):
            ordinal = pod["metadata"]["name"].removeprefix(f"{name}-")
            if controller_uid(pod) == uid and ordinal.isdecimal():
                found[int(ordinal)] = pod
        return found

    def _step(self, item: Item, current: str, update: str) -> None:
        """The one thing to do now, if any: the others wait for it (OrderedReady)."""
        pods, wanted = self._pods(item), int(item["spec"]["replicas"])
        strategy = item["spec"].get("updateStrategy") or {}
        rolls = strategy.get("type", "RollingUpdate") == "RollingUpdate"
        partition = int((strategy.get("rollingUpdate") or {}).get("partition", 0)) if rolls else 0
        for ordinal in range(wanted):
            pod = pods.get(ordinal)
            if pod is None:
                is_new = not rolls or ordinal >= partition
                self._create(item, ordinal, update if is_new else current)
                return
            if "deletionTimestamp" in pod["metadata"] or not is_ready(pod):
                # The present update may still go on below it, but nothing is made above it.
                return
        surplus = [ordinal for ordinal in pods if ordinal >= wanted]
        if surplus:
            self._delete(item, pods[max(surplus)])
            return
        for ordinal in reversed(range(partition, wanted)) if rolls else ():
            if pods[ordinal]["metadata"]["labels"].get(LABEL) != update:
                self._delete(item, pods[ordinal])
                return

    def _create(self, item: Item, ordinal: int, revision: str) -> None:
        try:
            pod = self._parts.api.create(_pod_of(item, ordinal, revision), MANAGER)
        except ClusterAnswer as error:
            self._say(item, "Warning", "FailedCreate", f"create Pod failed error: {error.what}")
            self._queue.add(key_of(item), RETRY_S)
            return
        name = pod["metadata"]["name"]
        said = f"create Pod {name} in StatefulSet {item['metadata']['name']} successful"
        self._say(item, "Normal", "SuccessfulCreate", said)

    def _delete(self, item: Item, pod: Item) -> None:
        meta = pod["metadata"]
        if "deletionTimestamp" in meta:
            return
        self._parts.api.delete(with_api_version(Ref("Pod", meta["namespace"], meta["name"])))
        said = f"delete Pod {meta['name']} in StatefulSet {item['metadata']['name']} successful"
        self._say(item, "Normal", "SuccessfulDelete", said)

    def _write_status(self, item: Item, current: str, update: str) -> None:
        pods = self._pods(item).values()
        labels = [pod["metadata"]["labels"].get(LABEL) for pod in pods]
        wanted = int(item["spec"]["replicas"])
        ready = sum(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)
        updated = labels.count(update)
        if updated == ready == len(labels) == wanted:
            current = update
        status: Item = {
            "availableReplicas": ready,
            "collisionCount": 0,
            "currentRevision": current,
            "observedGeneration": item["metadata"]["generation"],
            "replicas": len(labels),
            "updateRevision": update,
        }
        counts = {
            "currentReplicas": labels.count(current),
            "readyReplicas": ready,
            "updatedReplicas": updated,
        }
        status |= {name: count for name, count in counts.items() if count}
        self._parts.api.set_status(item, status, MANAGER)

    def _say(self, item: Item, kind: str, reason: str, message: str) -> None:
        self._parts.recorder.record(COMPONENT, item, kind, reason, message)


def _pod_of(item: Item, ordinal: int, revision: str) -> Item:
    """revision: of an old one only the label is right; its former template is not kept."""
    template = fresh(item["spec"]["template"])
    meta, spec = template.get("metadata") or {}, template["spec"]
    set_name = item["metadata"]["name"]
    name = f"{set_name}-{ordinal}"
    for claim in item["spec"].get("volumeClaimTemplates") or ():
        title = claim["metadata"]["name"]
        source = {"claimName": f"{title}-{name}"}
        spec.setdefault("volumes", []).append({"name": title, "persistentVolumeClaim": source})
    spec["hostname"] = name
    if item["spec"].get("serviceName"):
        spec["subdomain"] = item["spec"]["serviceName"]
    own = {
        LABEL: revision,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(ordinal),
    }
    made: Item = {
        "name": name,
        "namespace": item["metadata"]["namespace"],
        "labels": {**(meta.get("labels") or {}), **own},
        "ownerReferences": [owner_reference(item)],
    }
    if meta.get("annotations"):
        made["annotations"] = meta["annotations"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec}
