"""The API server: create, replace, delete with admission, defaulting, validation, preconditions.

Controllers write through it too, with their own manager names. Objects passed in are taken over.
"""

from __future__ import annotations

from collections.abc import Callable

from stratus_cli.cluster.twin import managed, refusals
from stratus_cli.cluster.twin.admission import admit
from stratus_cli.cluster.twin.defaults import fill, without_nulls
from stratus_cli.cluster.twin.names import Names
from stratus_cli.cluster.twin.quota import Quotas
from stratus_cli.cluster.twin.served import served
from stratus_cli.cluster.twin.store import Item, Store, fresh
from stratus_cli.cluster.twin.timeline import Timeline, stamp_of
from stratus_cli.cluster.twin.validation import problems
from stratus_cli.kube.custom import is_known
from stratus_cli.model.ref import Ref

GENERATIONS = frozenset(
    {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Pod", "Job", "CronJob", "Ingress"}
    | {"PodDisruptionBudget", "NetworkPolicy", "EndpointSlice"}
)
NO_STATUS = frozenset({"ConfigMap", "Secret", "EndpointSlice", "Event", "Lease", "ServiceAccount"})
KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "namespace")


class ApiServer:
    """Writes. `kill`: called with a pod that is asked to end and its grace period in seconds."""

    def __init__(self, store: Store, timeline: Timeline, names: Names, quotas: Quotas) -> None:
        self.store = store
        self.timeline = timeline
        self.names = names
        self.quotas = quotas
        self.kill: Callable[[Item, float], None] = lambda pod, grace: store.remove(pod)

    def create(
        self, item: Item, manager: str, *, dry_run: bool = False, applied: Item | None = None
    ) -> Item:
        """Store a new object; the stored one is returned (a dry run stores nothing).

        applied: the manifest of a server-side apply.
        """
        mark = self.names.mark()
        item = without_nulls(item)
        ref = self._named(item)
        if self.store.get(ref.kind, ref.namespace, ref.name) is not None:
            raise refusals.already_exists(ref)
        if ref.namespace:
            self._check_namespace(ref)
        status = item.get("status")
        self._new_meta(item)
        if ref.kind not in NO_STATUS and ref.kind != "Node":
            item.pop("status", None)
        admit(item, self.store, self.names)
        fill(item)
        self._validate(item, None, ref)
        self.quotas.admit(item, ref)
        if ref.kind == "Pod":
            item["status"] = {"phase": "Pending", "qosClass": _quality(item)}
        elif "status" not in item and _has_status(ref):
            item["status"] = status if _is_inert(ref.kind) and status else _first_status(ref.kind)
        managed.written(item, None, manager, self.timeline.stamp(), applied=applied)
        if dry_run:
            self.names.rewind(mark)
            return item
        self.store.put(item)
        return item

    def replace(
        self, item: Item, manager: str, *, dry_run: bool = False, applied: Item | None = None
    ) -> Item:
        """PUT over an existing object, with the preconditions that the item carries."""
        item = without_nulls(item)
        ref = self._ref(item)
        old = self.store.get(ref.kind, ref.namespace, ref.name)
        if old is None:
            raise refusals.not_found(ref)
        meta, old_meta = item["metadata"], old["metadata"]
        if meta.get("uid") and meta["uid"] != old_meta["uid"]:
            raise refusals.other_uid(ref, meta["uid"], old_meta["uid"])
        if meta.get("resourceVersion") not in (None, "", old_meta["resourceVersion"]):
            raise refusals.stale(ref)
        self._keep(item, old)
        fill(item)
        self._validate(item, old, ref)
        counts = ref.kind in GENERATIONS or not is_known(ref.kind, ref.api_version)
        if counts and _wish(item) != _wish(old):
            meta["generation"] = old_meta.get("generation", 0) + 1
        managed.written(item, old, manager, self.timeline.stamp(), applied=applied)
        if item == old or dry_run:
            return item
        self.store.put(item)
        self._finish(item)
        return item

    def set_status(self, item: Item, status: Item, manager: str) -> bool:
        """Write the status subresource of a live object; False when nothing changed."""
        if item.get("status") == status:
            return False
        item["status"] = status
        if item["kind"] != "Pod":
            managed.status_written(item, manager, self.timeline.stamp())
        self.store.touch(item)
        return True

    def delete(
        self,
        ref: Ref,
        *,
        uid: str = "",
        version: str = "",
        orphan: bool = False,
        dry_run: bool = False,
        grace_s: float | None = None,
    ) -> None:
        """DELETE with preconditions; pods end gracefully, finalizers are waited for."""
        old = self.store.get(ref.kind, ref.namespace, ref.name)
        if old is None:
            raise refusals.not_found(ref)
        meta = old["metadata"]
        if uid and uid != meta["uid"]:
            raise refusals.other_uid(ref, uid, meta["uid"])
        if version and version != meta["resourceVersion"]:
            raise refusals.other_version(ref, version, meta["resourceVersion"])
        if dry_run:
            return
        if orphan:
            self._let_go(meta["uid"])
        if ref.kind == "Pod":
            self._end_pod(old, grace_s)
        elif meta.get("finalizers") or ref.kind == "Namespace":
            self._mark_deleted(old, 0.0)
        else:
            self.store.remove(old)

    def _end_pod(self, pod: Item, grace_s: float | None) -> None:
        spec = pod["spec"]
        grace = float(spec["terminationGracePeriodSeconds"] if grace_s is None else grace_s)
        if "deletionTimestamp" in pod["metadata"]:
            return
        if not spec.get("nodeName") or grace == 0 or _ended(pod):
            self.store.remove(pod)
            return
        self._mark_deleted(pod, grace)
        self.kill(pod, grace)

    def _mark_deleted(self, item: Item, grace_s: float) -> None:
        meta = item["metadata"]
        if "deletionTimestamp" in meta:
            return
        moment = self.timeline.start.timestamp() + self.timeline.now_s + grace_s
        meta["deletionTimestamp"] = stamp_of(
            self.timeline.now().fromtimestamp(moment, tz=self.timeline.start.tzinfo)
        )
        meta["deletionGracePeriodSeconds"] = int(grace_s)
        if item["kind"] == "Namespace":
            item["status"] = {**item.get("status", {}), "phase": "Terminating"}
        self.store.put(item)

    def _finish(self, item: Item) -> None:
        meta = item["metadata"]
        if "deletionTimestamp" in meta and not meta.get("finalizers") and item["kind"] != "Pod":
            if item["kind"] != "Namespace":
                self.store.remove(item)

    def _let_go(self, uid: str) -> None:
        for child in self.store.owned_by(uid):
            copy = fresh(child)
            owners = copy["metadata"]["ownerReferences"]
            copy["metadata"]["ownerReferences"] = [own for own in owners if own["uid"] != uid]
            if not copy["metadata"]["ownerReferences"]:
                del copy["metadata"]["ownerReferences"]
            self.replace(copy, "kube-controller-manager")

    def _named(self, item: Item) -> Ref:
        meta = item.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + self.names.suffix()
        return self._ref(item)

    def _ref(self, item: Item) -> Ref:
        kind = str(item.get("kind", ""))
        info = served(self.store, kind, str(item.get("apiVersion", "")))
        if info is None:
            raise refusals.not_served(kind)
        meta = item.setdefault("metadata", {})
        item["apiVersion"] = info.api_version
        if not info.namespaced:
            meta.pop("namespace", None)
        elif not meta.get("namespace"):
            meta["namespace"] = "default"
        return Ref(kind, meta.get("namespace", ""), str(meta.get("name", "")), info.api_version)

    def _check_namespace(self, ref: Ref) -> None:
        space = self.store.get("Namespace", "", ref.namespace)
        if space is None:
            raise refusals.not_found(Ref("Namespace", "", ref.namespace, "v1"))
        if "deletionTimestamp" in space["metadata"]:
            why = (
                f"unable to create new content in namespace {ref.namespace}"
                " because it is being terminated"
            )
            raise refusals.forbidden(ref, why)

    def _new_meta(self, item: Item) -> None:
        meta = item["metadata"]
        for name in ("resourceVersion", "selfLink", "managedFields", "deletionTimestamp"):
            meta.pop(name, None)
        meta["uid"] = self.names.uid()
        meta["creationTimestamp"] = self.timeline.stamp()
        meta.pop("generation", None)
        if item["kind"] in GENERATIONS or not is_known(item["kind"], item["apiVersion"]):
            meta["generation"] = 1
        for name in ("labels", "annotations"):
            if name in meta and not meta[name]:
                del meta[name]

    def _keep(self, item: Item, old: Item) -> None:
        """Fields a PUT cannot change."""
        meta, old_meta = item["metadata"], old["metadata"]
        for name in (*KEPT, "generation"):
            meta.pop(name, None)
            if name in old_meta:
                meta[name] = old_meta[name]
        meta["resourceVersion"] = old_meta["resourceVersion"]
        meta["managedFields"] = managed.given(meta.pop("managedFields", None), old)
        if not meta["managedFields"]:
            del meta["managedFields"]
        for name in ("labels", "annotations"):
            if name in meta and not meta[name]:
                del meta[name]
        if item["kind"] not in NO_STATUS:
            item.pop("status", None)
            if "status" in old:
                item["status"] = old["status"]
        if item["kind"] == "Service":
            for name in ("clusterIP", "clusterIPs"):
                if name in old["spec"]:
                    item.setdefault("spec", {}).setdefault(name, old["spec"][name])

    def _validate(self, item: Item, old: Item | None, ref: Ref) -> None:
        found = problems(item, old)
        if found:
            raise refusals.invalid(ref, *found)


def _wish(item: Item) -> Item:
    """What moves the generation. Of a Deployment its annotations as well (registry/apps)."""
    found = {name: value for name, value in item.items() if name not in ("metadata", "status")}
    if item["kind"] == "Deployment":
        found["annotations"] = item["metadata"].get("annotations") or {}
    return found


def _ended(pod: Item) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _first_status(kind: str) -> Item:
    return {"loadBalancer": {}} if kind == "Service" else {}


def _has_status(ref: Ref) -> bool:
    """Whether the server puts an empty one into a new object."""
    return ref.kind not in (*NO_STATUS, "Namespace") and is_known(ref.kind, ref.api_version)


def _is_inert(kind: str) -> bool:
    """No controller of the twin looks after it: its status stays as it was given."""
    return kind not in ("Deployment", "ReplicaSet", "Pod", "Service", "ResourceQuota")


def _quality(pod: Item) -> str:
    """QoS class: by requests and limits of cpu and memory."""
    resources = [container["resources"] for container in pod["spec"]["containers"]]
    if not any(item.get("requests") or item.get("limits") for item in resources):
        return "BestEffort"
    names = ("cpu", "memory")
    guaranteed = all(
        (item.get("limits") or {}).get(name)
        and (item.get("requests") or {}).get(name) == item["limits"][name]
        for item in resources
        for name in names
    )
    return "Guaranteed" if guaranteed else "Burstable"
