"""The kubelets of all nodes: one worker for each pod that is bound to a node."""

from __future__ import annotations

from stratus_cli.cluster.twin.containers import Container
from stratus_cli.cluster.twin.images import Images
from stratus_cli.cluster.twin.network import Network
from stratus_cli.cluster.twin.parts import Parts
from stratus_cli.cluster.twin.store import Item, key_of
from stratus_cli.cluster.twin.worker import NodeParts, PodWorker
from stratus_cli.cluster.twin.world import World

LATENCY_S = 0.05


class Kubelets:
    """Watches pods and hands them to workers. `is_asleep`: pods stay as they were loaded."""

    def __init__(self, parts: Parts, world: World) -> None:
        self._parts = parts
        self._world = world
        self._images = Images(world)
        self._workers: dict[str, PodWorker] = {}
        self._nodes: dict[str, NodeParts] = {}
        self._asleep: set[str] = set()
        self.network = Network(parts.store, lambda: parts.timeline.now_s, self._workers.get)
        parts.store.watch("Pod", self._pod_changed)
        parts.api.kill = self._kill

    def leave(self, uid: str) -> None:
        """This pod was loaded with its status and goes on as it is."""
        self._asleep.add(uid)

    def container(self, pod: Item, name: str) -> Container | None:
        """The state of one container, or None."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            return None
        return next((item for item in worker.containers if item.name == name), None)

    def worker(self, pod: Item) -> PodWorker | None:
        """The pod's worker, when it has one."""
        return self._workers.get(pod["metadata"]["uid"])

    def _pod_changed(self, pod: Item, gone: bool) -> None:
        uid = pod["metadata"]["uid"]
        if gone:
            worker = self._workers.pop(uid, None)
            if worker is not None:
                worker.close()
            return
        if not pod["spec"].get("nodeName") or uid in self._asleep:
            return
        worker = self._workers.get(uid)
        if worker is None:
            worker = self._workers[uid] = PodWorker(self._node(pod["spec"]["nodeName"]), pod)
            self._parts.timeline.after(LATENCY_S, worker.wake)
        elif pod["metadata"].get("generation", 1) != worker.generation:
            worker.generation = pod["metadata"].get("generation", 1)
            self._parts.timeline.after(LATENCY_S, worker.wake)

    def _kill(self, pod: Item, grace_s: float) -> None:
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is not None:
            self._parts.timeline.after(LATENCY_S, lambda: worker.end_pod(grace_s))
            return
        self._parts.timeline.after(LATENCY_S, lambda: self._forget(pod))

    def _forget(self, pod: Item) -> None:
        found = self._parts.store.get("Pod", *key_of(pod))
        if found is not None and found["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._parts.store.remove(found)

    def _node(self, name: str) -> NodeParts:
        known = self._nodes.get(name)
        if known is not None:
            return known
        number = len(self._nodes)
        count = iter(range(2, 1 << 20))

        def next_ip() -> str:
            host = next(count)
            return (
                f"10.{88 + number // 250}.{number % 250}.{host}"
                if host < 250
                else (f"10.{120 + number % 100}.{host // 250}.{host % 250 + 1}")
            )

        made = NodeParts(
            self._parts,
            self._world,
            self._images,
            self.network,
            name,
            f"172.30.{number // 250}.{number % 250 + 2}",
            next_ip,
        )
        self._nodes[name] = made
        return made
