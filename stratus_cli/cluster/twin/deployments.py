"""The Deployment controller (pkg/controller/deployment of 1.34): rollouts, scaling, history."""

from __future__ import annotations

from stratus_cli.cluster.twin import scaling
from stratus_cli.cluster.twin.deployment_status import StatusWriter
from stratus_cli.cluster.twin.names import template_hash
from stratus_cli.cluster.twin.parts import LATENCY_S, MANAGER, Parts
from stratus_cli.cluster.twin.store import Item, Key, controller_uid, fresh, key_of, owner_reference
from stratus_cli.cluster.twin.timeline import WorkQueue

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
SKIPPED = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY}
    | {scaling.DESIRED, scaling.MAXIMUM, "deprecated.deployment.rollback.to"}
)


class DeploymentController:
    """Makes ReplicaSets follow Deployments."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: WorkQueue[Key] = WorkQueue(parts.timeline, self._sync, LATENCY_S)
        self._status = StatusWriter(parts, self._queue)
        parts.store.watch("Deployment", lambda item, gone: self._queue.add(key_of(item)))
        parts.store.watch("ReplicaSet", self._replica_set_changed)
        parts.store.watch("Pod", self._pod_changed)

    def _replica_set_changed(self, item: Item, gone: bool) -> None:
        for owner in item["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "Deployment":
                self._queue.add((item["metadata"]["namespace"], owner["name"]))

    def _pod_changed(self, item: Item, gone: bool) -> None:
        """Recreate waits until the last old pod is gone."""
        if not gone:
            return
        for owner in item["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "ReplicaSet":
                space = item["metadata"]["namespace"]
                replica_set = self._parts.store.get("ReplicaSet", space, owner["name"])
                if replica_set is not None:
                    self._replica_set_changed(replica_set, False)

    def _sync(self, key: Key) -> None:
        deployment = self._parts.store.get("Deployment", *key)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return
        self._adopt(deployment)
        self._status.paused(deployment)
        if deployment["spec"].get("paused") or self._is_scaled(deployment):
            self._scale_only(deployment)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment)
        else:
            self._roll(deployment)

    # ReplicaSets of a Deployment

    def sets(self, deployment: Item) -> list[Item]:
        """Its ReplicaSets, oldest first."""
        found = self._parts.store.owned_by(deployment["metadata"]["uid"], "ReplicaSet")
        kept = [item for item in found if "deletionTimestamp" not in item["metadata"]]
        return sorted(
            kept,
            key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]),
        )

    def _split(self, deployment: Item) -> tuple[Item | None, list[Item]]:
        """(the set of the present template or None, all others oldest first)."""
        sets = self.sets(deployment)
        wanted = _template(deployment)
        new = next((item for item in sets if _template(item) == wanted), None)
        return new, [item for item in sets if item is not new]

    def _adopt(self, deployment: Item) -> None:
        """Take orphans whose labels match the selector."""
        space = deployment["metadata"]["namespace"]
        selector = deployment["spec"]["selector"].get("matchLabels") or {}
        for item in self._parts.store.of("ReplicaSet", space):
            labels = item["metadata"].get("labels") or {}
            matching = all(labels.get(key) == value for key, value in selector.items())
            if selector and matching and not controller_uid(item):
                copy = fresh(item)
                owners = copy["metadata"].get("ownerReferences") or []
                copy["metadata"]["ownerReferences"] = [*owners, owner_reference(deployment)]
                self._parts.api.replace(copy, MANAGER)

    def _new_set(self, deployment: Item) -> Item:
        """The ReplicaSet of the present template, made or brought up to date."""
        new, old = self._split(deployment)
        revision = str(max((_revision(item) for item in old), default=0) + 1)
        if new is not None:
            copy = fresh(new)
            _annotate(copy, deployment, revision)
            copy["spec"]["minReadySeconds"] = deployment["spec"].get("minReadySeconds", 0)
            if not copy["spec"]["minReadySeconds"]:
                del copy["spec"]["minReadySeconds"]
            if copy != new:
                new = self._parts.api.replace(copy, MANAGER)
            self._set_revision(deployment, new["metadata"]["annotations"][REVISION])
            self._status.found(deployment, new)
            return new
        made = self._make(deployment, old, revision)
        self._set_revision(deployment, revision)
        self._status.created(deployment, made)
        return made

    def _make(self, deployment: Item, old: list[Item], revision: str) -> Item:
        meta, spec = deployment["metadata"], deployment["spec"]
        template = fresh(spec["template"])
        collisions = (deployment.get("status") or {}).get("collisionCount", 0)
        while True:
            digest = template_hash(spec["template"], collisions)
            name = f"{meta['name']}-{digest}"
            if self._parts.store.get("ReplicaSet", meta["namespace"], name) is None:
                break
            collisions += 1
        labels = {**(template["metadata"].get("labels") or {}), HASH: digest}
        template["metadata"]["labels"] = labels
        selector = fresh(spec["selector"])
        selector["matchLabels"] = {**selector.get("matchLabels", {}), HASH: digest}
        item: Item = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "labels": dict(labels),
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            item["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        size = scaling.new_size(deployment, [*old, item], item)
        item["spec"]["replicas"] = size
        _annotate(item, deployment, revision)
        made = self._parts.api.create(item, MANAGER)
        if size > 0:
            self._say(deployment, f"Scaled up replica set {name} from 0 to {size}")
        return made

    def _set_revision(self, deployment: Item, revision: str) -> None:
        annotations = deployment["metadata"].setdefault("annotations", {})
        if annotations.get(REVISION) != revision:
            annotations[REVISION] = revision
            self._parts.store.touch(deployment)

    # Rolling out

    def _roll(self, deployment: Item) -> None:
        new = self._new_set(deployment)
        done = self._grow(deployment, new) or self._shrink(deployment)
        if not done and self._status.is_complete(deployment):
            self._clean(deployment)
        self._status.sync(deployment, *self._split(deployment))

    def _grow(self, deployment: Item, new: Item) -> bool:
        wanted = scaling.replicas(deployment)
        if scaling.replicas(new) == wanted:
            return False
        if scaling.replicas(new) > wanted:
            return self._resize(deployment, new, wanted)
        sets = self.sets(deployment)
        return self._resize(deployment, new, scaling.new_size(deployment, sets, new))

    def _shrink(self, deployment: Item) -> bool:
        new, old = self._split(deployment)
        old = [item for item in old if scaling.replicas(item) > 0]
        if not old or new is None:
            return False
        least = scaling.replicas(deployment) - scaling.max_unavailable(deployment)
        coming = scaling.replicas(new) - scaling.status_total([new], "availableReplicas")
        spare = scaling.total([*old, new]) - least - coming
        if spare <= 0:
            return False
        removed = self._drop_unhealthy(deployment, old, spare)
        new, old = self._split(deployment)
        old = [item for item in old if scaling.replicas(item) > 0]
        sets = [*old, *([new] if new else [])]
        spare = scaling.status_total(sets, "availableReplicas") - least
        for item in old:
            if spare <= 0:
                break
            part = min(scaling.replicas(item), spare)
            self._resize(deployment, item, scaling.replicas(item) - part)
            spare -= part
            removed += part
        return removed > 0

    def _drop_unhealthy(self, deployment: Item, old: list[Item], most: int) -> int:
        removed = 0
        for item in old:
            sick = scaling.replicas(item) - scaling.status_total([item], "availableReplicas")
            part = min(most - removed, sick)
            if part > 0:
                self._resize(deployment, item, scaling.replicas(item) - part)
                removed += part
        return removed

    def _recreate(self, deployment: Item) -> None:
        new, old = self._split(deployment)
        running = [item for item in old if scaling.replicas(item) > 0]
        for item in running:
            self._resize(deployment, item, 0)
        if running or self._has_pods(old):
            self._status.sync(deployment, *self._split(deployment))
            return
        new = self._new_set(deployment)
        self._resize(deployment, new, scaling.replicas(deployment))
        if self._status.is_complete(deployment):
            self._clean(deployment)
        self._status.sync(deployment, *self._split(deployment))

    def _has_pods(self, sets: list[Item]) -> bool:
        if scaling.status_total(sets, "replicas") > 0:
            return True
        return any(
            pod["status"].get("phase") not in ("Failed", "Succeeded")
            for item in sets
            for pod in self._parts.store.owned_by(item["metadata"]["uid"], "Pod")
        )

    # Scaling

    def _is_scaled(self, deployment: Item) -> bool:
        wanted = str(scaling.replicas(deployment))
        for item in self.sets(deployment):
            text = (item["metadata"].get("annotations") or {}).get(scaling.DESIRED)
            if scaling.replicas(item) > 0 and text is not None and text != wanted:
                return True
        return False

    def _scale_only(self, deployment: Item) -> None:
        new, old = self._split(deployment)
        sets = [*old, *([new] if new else [])]
        active = [item for item in sets if scaling.replicas(item) > 0]
        if len(active) <= 1:
            newest = max(sets, key=_revision) if sets else None
            only = active[0] if active else new or newest
            if only is not None:
                self._resize(deployment, only, scaling.replicas(deployment))
        elif new is not None and _is_saturated(deployment, new):
            for item in old:
                self._resize(deployment, item, 0)
        elif deployment["spec"]["strategy"]["type"] == "RollingUpdate":
            sizes = scaling.shares(deployment, active)
            for item in active:
                self._resize(deployment, item, sizes[item["metadata"]["name"]])
        if deployment["spec"].get("paused"):
            self._clean(deployment)
        self._status.scaled(deployment, *self._split(deployment))

    def _resize(self, deployment: Item, replica_set: Item, size: int) -> bool:
        before = scaling.replicas(replica_set)
        copy = fresh(replica_set)
        copy["spec"]["replicas"] = size
        _annotate_sizes(copy, deployment)
        if copy == replica_set:
            return False
        self._parts.api.replace(copy, MANAGER)
        if before == size:
            return False
        name = replica_set["metadata"]["name"]
        way = "up" if before < size else "down"
        self._say(deployment, f"Scaled {way} replica set {name} from {before} to {size}")
        return True

    def _clean(self, deployment: Item) -> None:
        _, old = self._split(deployment)
        extra = len(old) - int(deployment["spec"]["revisionHistoryLimit"])
        for item in sorted(old, key=_revision)[: max(0, extra)]:
            status = item.get("status") or {}
            seen = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
            if scaling.replicas(item) == 0 and not status.get("replicas") and seen:
                self._parts.store.remove(item)

    def _say(self, deployment: Item, message: str) -> None:
        self._parts.recorder.record(
            "deployment-controller", deployment, "Normal", "ScalingReplicaSet", message
        )


def _template(item: Item) -> Item:
    """A pod template without what the controller itself puts there."""
    template = item["spec"]["template"]
    meta = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH}
    meta.pop("creationTimestamp", None)
    meta["labels"] = labels
    return {"metadata": meta, "spec": template["spec"]}


def _revision(item: Item) -> int:
    text = (item["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _is_saturated(deployment: Item, item: Item) -> bool:
    wanted = scaling.replicas(deployment)
    text = (item["metadata"].get("annotations") or {}).get(scaling.DESIRED)
    available = scaling.status_total([item], "availableReplicas")
    return scaling.replicas(item) == wanted == available and text == str(wanted)


def _annotate(item: Item, deployment: Item, revision: str) -> None:
    annotations = item["metadata"].setdefault("annotations", {})
    for key, value in (deployment["metadata"].get("annotations") or {}).items():
        if key not in SKIPPED:
            annotations[key] = value
    before = annotations.get(REVISION)
    if _revision(item) < int(revision):
        annotations[REVISION] = revision
        if before:
            history = annotations.get(HISTORY)
            annotations[HISTORY] = f"{history},{before}" if history else before
    _annotate_sizes(item, deployment)


def _annotate_sizes(item: Item, deployment: Item) -> None:
    annotations = item["metadata"].setdefault("annotations", {})
    wanted = scaling.replicas(deployment)
    annotations[scaling.DESIRED] = str(wanted)
    annotations[scaling.MAXIMUM] = str(wanted + scaling.max_surge(deployment))
