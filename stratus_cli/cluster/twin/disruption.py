"""PodDisruptionBudgets: the controller that keeps their status, and evictions, which obey them.

As pkg/controller/disruption and registry/core/pod/rest/eviction.go of Kubernetes 1.34.
"""

from __future__ import annotations

from stratus_cli.cluster.twin import conditions, refusals
from stratus_cli.cluster.twin.parts import LATENCY_S, MANAGER, Parts
from stratus_cli.cluster.twin.scaling import scaled
from stratus_cli.cluster.twin.store import Item, Key, controller_uid, fresh, key_of
from stratus_cli.cluster.twin.timeline import WorkQueue
from stratus_cli.kube.selectors import matches_raw
from stratus_cli.model.ref import Ref

UNGUARDED = ("Pending", "Succeeded", "Failed")
DELETED_WITHIN_S = 120.0  # DeletionTimeout of the controller
SCALED = ("ReplicaSet", "StatefulSet", "Deployment")


class Disruptions:
    """Every PodDisruptionBudget of one twin."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: WorkQueue[Key] = WorkQueue(parts.timeline, self._sync, LATENCY_S)
        parts.store.watch("PodDisruptionBudget", self._changed)
        parts.store.watch("Pod", self._pod_changed)

    def evict(self, ref: Ref, *, uid: str, version: str, dry_run: bool) -> None:
        """Delete a pod if its budget has room; ClusterAnswer of status 429 when it has none."""
        pod = self._parts.store.get("Pod", ref.namespace, ref.name)
        if pod is None:
            raise refusals.not_found(ref)
        # The budget comes first: an eviction whose preconditions fail uses it up all the same.
        if pod["status"].get("phase") not in UNGUARDED and not _ends(pod):
            self._ask_budget(pod, dry_run=dry_run)
        self._parts.api.delete(ref, uid=uid, version=version, dry_run=dry_run)

    def _ask_budget(self, pod: Item, *, dry_run: bool) -> None:
        budgets = [
            budget for budget in self._of(pod["metadata"]["namespace"]) if _is_of(budget, pod)
        ]
        if not budgets:
            return
        if len(budgets) > 1:
            raise refusals.two_budgets()
        budget = budgets[0]
        status = fresh(budget.get("status") or {})
        if not _is_ready(pod) and _lets_unready_go(budget, status):
            return
        fresh_enough = status.get("observedGeneration", 0) >= budget["metadata"].get(
            "generation", 0
        )
        if not fresh_enough or status.get("disruptionsAllowed", 0) <= 0:
            raise refusals.no_disruption()
        if dry_run:
            return
        status["disruptionsAllowed"] -= 1
        stamps = status.get("disruptedPods") or {}
        stamps[pod["metadata"]["name"]] = self._parts.timeline.stamp()
        status["disruptedPods"] = stamps
        self._parts.api.set_status(budget, status, "kube-apiserver")

    def _of(self, namespace: str) -> list[Item]:
        return self._parts.store.of("PodDisruptionBudget", namespace)

    def _changed(self, item: Item, gone: bool) -> None:
        if not gone:
            self._queue.add(key_of(item))

    def _pod_changed(self, pod: Item, gone: bool) -> None:
        for budget in self._of(pod["metadata"]["namespace"]):
            if _is_of(budget, pod):
                self._queue.add(key_of(budget))

    def _sync(self, key: Key) -> None:
        budget = self._parts.store.get("PodDisruptionBudget", *key)
        if budget is None:
            return
        pods = [pod for pod in self._parts.store.of("Pod", key[0]) if _is_of(budget, pod)]
        expected, desired = self._wanted(budget, pods)
        named = {pod["metadata"]["name"]: pod for pod in pods}
        disrupted = {
            name: stamp
            for name, stamp in ((budget.get("status") or {}).get("disruptedPods") or {}).items()
            if name in named and not _ends(named[name]) and self._left(stamp) > 0
        }
        if disrupted:
            self._queue.add(key, min(map(self._left, disrupted.values())) + LATENCY_S)
        healthy = sum(
            _is_ready(pod) and not _ends(pod) and pod["metadata"]["name"] not in disrupted
            for pod in pods
        )
        status = {
            "observedGeneration": budget["metadata"].get("generation", 1),
            "expectedPods": expected,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": max(0, healthy - desired) if expected else 0,
            **({"disruptedPods": disrupted} if disrupted else {}),
        }
        self._parts.api.set_status(budget, status, MANAGER)

    def _left(self, stamp: str) -> float:
        """Seconds for which an eviction counts though its pod does not go."""
        timeline = self._parts.timeline
        return DELETED_WITHIN_S - (timeline.now_s - timeline.seconds_at(stamp))

    def _wanted(self, budget: Item, pods: list[Item]) -> tuple[int, int]:
        """(expected pods, how many of them must be healthy)."""
        spec = budget.get("spec") or {}
        least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
        if most is not None:
            expected = self._scale_of(pods)
            return expected, max(0, expected - scaled(most, expected, up=True))
        if isinstance(least, str):
            expected = self._scale_of(pods)
            return expected, scaled(least, expected, up=True)
        return len(pods), int(least or 0)

    def _scale_of(self, pods: list[Item]) -> int:
        """The replicas that the controllers of these pods want, all together."""
        wanted: dict[str, int] = {}
        for pod in pods:
            owner = self._top(pod)
            if owner is not None:
                wanted[owner["metadata"]["uid"]] = int((owner.get("spec") or {}).get("replicas", 1))
        return sum(wanted.values())

    def _top(self, item: Item) -> Item | None:
        """The controller above it that has replicas."""
        found, uid = None, controller_uid(item)
        while uid:
            space = item["metadata"]["namespace"]
            owners = (one for kind in SCALED for one in self._parts.store.of(kind, space))
            owner = next((one for one in owners if one["metadata"]["uid"] == uid), None)
            if owner is None:
                break
            found, uid = owner, controller_uid(owner)
        return found


def _is_of(budget: Item, pod: Item) -> bool:
    selector = (budget.get("spec") or {}).get("selector")
    return matches_raw(selector, pod["metadata"].get("labels") or {})


def _ends(pod: Item) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _is_ready(pod: Item) -> bool:
    ready = conditions.find(pod.get("status") or {}, "Ready")
    return ready is not None and ready.get("status") == "True"


def _lets_unready_go(budget: Item, status: Item) -> bool:
    """unhealthyPodEvictionPolicy; without it IfHealthyBudget."""
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    desired = int(status.get("desiredHealthy", 0))
    return desired > 0 and int(status.get("currentHealthy", 0)) >= desired
