"""The scheduler: binds pods to nodes, or says why none takes them."""

from __future__ import annotations

from stratus_cli.cluster.twin import conditions
from stratus_cli.cluster.twin.filters import (
    Demand,
    NodeLoad,
    demand_of,
    free_share,
    host_ports,
    message,
    refusals,
)
from stratus_cli.cluster.twin.parts import LATENCY_S, Parts
from stratus_cli.cluster.twin.store import Item, Key, controller_uid, fresh, key_of
from stratus_cli.cluster.twin.timeline import WorkQueue
from stratus_cli.cluster.twin.usage import ZERO, is_finished, pod_amounts

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 10.0
FLUSH_S = 300.0  # how long an unschedulable pod waits when nothing changes


class Scheduler:
    """Looks at pods without a node when they come, and again when something changes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._loads: dict[str, NodeLoad] = {}
        self._bound: dict[str, str] = {}
        self._waiting: dict[Key, int] = {}
        self._queue: WorkQueue[Key] = WorkQueue(parts.timeline, self._sync, LATENCY_S)
        parts.store.watch("Node", self._node_changed)
        parts.store.watch("Pod", self._pod_changed)

    def _node_changed(self, node: Item, gone: bool) -> None:
        name = node["metadata"]["name"]
        if gone:
            self._loads.pop(name, None)
            return
        load = self._loads.get(name)
        if load is None:
            self._loads[name] = NodeLoad(node)
            for pod in self._parts.store.of("Pod"):
                if pod["spec"].get("nodeName") == name:
                    self._take(pod)
        else:
            load.node = node
        self._again()

    def _pod_changed(self, pod: Item, gone: bool) -> None:
        uid, name = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        if not name:
            if gone:
                self._waiting.pop(key_of(pod), None)
            elif key_of(pod) not in self._waiting:
                self._queue.add(key_of(pod))
            return
        if gone or is_finished(pod):
            if uid in self._bound:
                self._free(pod)
                self._again()
        elif uid not in self._bound:
            self._take(pod)

    def _take(self, pod: Item) -> None:
        load = self._loads.get(pod["spec"]["nodeName"])
        uid = pod["metadata"]["uid"]
        if load is None or uid in self._bound or is_finished(pod):
            return
        self._bound[uid] = pod["spec"]["nodeName"]
        load.pods[uid] = pod
        load.siblings[controller_uid(pod)] += 1
        load.ports |= set(host_ports(pod))
        for name, value in pod_amounts(pod["spec"], "requests").items():
            load.used[name] = load.used.get(name, ZERO) + value

    def _free(self, pod: Item) -> None:
        uid = pod["metadata"]["uid"]
        load = self._loads.get(self._bound.pop(uid))
        if load is None:
            return
        load.pods.pop(uid, None)
        load.siblings[controller_uid(pod)] -= 1
        if load.ports:
            load.ports = {port for other in load.pods.values() for port in host_ports(other)}
        for name, value in pod_amounts(pod["spec"], "requests").items():
            load.used[name] = load.used.get(name, ZERO) - value

    def _again(self) -> None:
        """Something changed that may help: look at the waiting pods after their back-off."""
        for key, attempts in self._waiting.items():
            self._queue.add(key, min(FIRST_BACKOFF_S * 2 ** (attempts - 1), LONGEST_BACKOFF_S))

    def _sync(self, key: Key) -> None:
        pod = self._parts.store.get("Pod", *key)
        if pod is None or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
            self._waiting.pop(key, None)
            return
        if pod["spec"].get("schedulingGates"):
            gated = "Scheduling is blocked due to non-empty scheduling gates"
            self._condition(pod, "False", "SchedulingGated", gated)
            return
        demand = demand_of(pod)
        loads = [self._loads[name] for name in sorted(self._loads)]
        outcomes = [(load, refusals(demand, load, loads)) for load in loads]
        fitting = [load for load, (reasons, _) in outcomes if not reasons]
        if not fitting:
            text = message(len(loads), (outcome for _, outcome in outcomes))
            self._refuse(key, pod, text)
            return
        self._bind(pod, self._best(demand, fitting))
        self._waiting.pop(key, None)

    def _best(self, demand: Demand, fitting: list[NodeLoad]) -> NodeLoad:
        """Spread siblings first, then the emptier node, then by name."""
        owner = controller_uid(demand.pod)

        def rank(load: NodeLoad) -> tuple[int, float, int, str]:
            siblings = load.siblings[owner] if owner else 0
            name = load.node["metadata"]["name"]
            return siblings, -float(free_share(demand, load)), len(load.pods), name

        return min(fitting, key=rank)

    def _bind(self, pod: Item, load: NodeLoad) -> None:
        meta = pod["metadata"]
        name = load.node["metadata"]["name"]
        pod["spec"]["nodeName"] = name
        status = fresh(pod["status"])
        conditions.assign(
            status,
            {
                "type": "PodScheduled",
                "observedGeneration": meta.get("generation", 1),
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": self._parts.timeline.stamp(),
            },
        )
        pod["status"] = status
        self._parts.store.touch(pod)
        text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {name}"
        self._parts.recorder.record_action(
            "default-scheduler", pod, "Normal", "Scheduled", "Binding", text
        )

    def _refuse(self, key: Key, pod: Item, text: str) -> None:
        self._waiting[key] = self._waiting.get(key, 0) + 1
        self._parts.recorder.record_action(
            "default-scheduler", pod, "Warning", "FailedScheduling", "Scheduling", text
        )
        self._condition(pod, "False", "Unschedulable", text)
        self._queue.add(key, FLUSH_S)

    def _condition(self, pod: Item, truth: str, reason: str, text: str) -> None:
        status = fresh(pod["status"])
        conditions.assign(
            status,
            {
                "type": "PodScheduled",
                "observedGeneration": pod["metadata"].get("generation", 1),
                "status": truth,
                "lastProbeTime": None,
                "lastTransitionTime": self._parts.timeline.stamp(),
                "reason": reason,
                "message": text,
            },
        )
        self._parts.api.set_status(pod, status, "kube-scheduler")
