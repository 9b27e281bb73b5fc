"""The twin: a whole control plane in this process, on virtual time, behind the port Cluster.

It is deterministic: the same world and the same calls give the same bytes. An API call takes no
virtual time; controllers, scheduler and kubelets act when time is let pass (advance, TwinClock).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from stratus_cli.cluster.twin import applying, refusals, seeding
from stratus_cli.cluster.twin.api import ApiServer
from stratus_cli.cluster.twin.daemonsets import DaemonSetController
from stratus_cli.cluster.twin.deployments import DeploymentController
from stratus_cli.cluster.twin.disruption import Disruptions
from stratus_cli.cluster.twin.endpoints import EndpointController
from stratus_cli.cluster.twin.garbage import GarbageCollector
from stratus_cli.cluster.twin.kubelet import Kubelets
from stratus_cli.cluster.twin.names import Names
from stratus_cli.cluster.twin.parts import Parts
from stratus_cli.cluster.twin.quota import Quotas
from stratus_cli.cluster.twin.recorder import Recorder
from stratus_cli.cluster.twin.replicasets import ReplicaSetController
from stratus_cli.cluster.twin.scheduler import Scheduler
from stratus_cli.cluster.twin.served import served, served_word
from stratus_cli.cluster.twin.statefulsets import StatefulSetController
from stratus_cli.cluster.twin.store import Item, Store, fresh
from stratus_cli.cluster.twin.timeline import Timeline
from stratus_cli.cluster.twin.world import Scene, Target, World
from stratus_cli.kube.custom import kind_word
from stratus_cli.kube.kinds import KindInfo
from stratus_cli.kube.redact import Redactor
from stratus_cli.kube.seals import Vault
from stratus_cli.model.errors import ClusterAnswer, NotFound
from stratus_cli.model.ref import ClusterIdentity, Ref, ServedKind

MANAGER = "stratus"
PAGE = 500
SECRET_META = ("kubectl.kubernetes.io/last-applied-configuration",)


class Twin:
    """A simulated cluster, run up to the moment its world's story begins."""

    def __init__(
        self, world: World, redactor: Redactor | None = None, *, read_secrets: bool = True
    ) -> None:
        self._world = world
        self._timeline = Timeline(world.start)
        self._store = Store()
        names = Names(world.seed)
        self._redactor = redactor or Redactor(hashlib.sha256(world.seed.encode()).digest())
        self._read_secrets = read_secrets
        self.forget()
        quotas = Quotas(self._store, self._timeline)
        self._api = ApiServer(self._store, self._timeline, names, quotas)
        recorder = Recorder(self._store, self._timeline, Names(f"{world.seed}/events"))
        parts = Parts(self._store, self._api, self._timeline, names, recorder)
        self._parts = parts
        GarbageCollector(parts)
        DeploymentController(parts)
        ReplicaSetController(parts)
        StatefulSetController(parts)
        DaemonSetController(parts)
        Scheduler(parts)
        self.kubelets = Kubelets(parts, world)
        EndpointController(parts)
        self._budgets = Disruptions(parts)
        self._scene_failures: list[str] = []
        self._begin()

    def _begin(self) -> None:
        seeding.seed(self._parts, self._world)
        manifests = [fresh(item) for item in self._world.manifests]
        seeding.add_namespaces(self._parts, manifests)
        # Namespaces and definitions first: a file may list them last.
        first = ("Namespace", "CustomResourceDefinition")
        for item in sorted(manifests, key=lambda item: item["kind"] not in first):
            self.apply(item)
        for scene in self._world.script:
            self._timeline.after(scene.at, lambda scene=scene: self._play(scene))  # type: ignore[misc]
        self.advance(self._world.settle)

    # Time

    def now(self) -> datetime:
        """The virtual moment, UTC."""
        return self._timeline.now()

    def elapsed_s(self) -> float:
        """Virtual seconds since the world began."""
        return self._timeline.now_s

    def advance(self, seconds: float) -> None:
        """Let virtual time pass: everything due meanwhile happens."""
        self._timeline.advance(seconds)

    # What people do

    def apply(
        self,
        manifest: Mapping[str, Any],
        manager: str = "kubectl-client-side-apply",
        *,
        server_side: bool = False,
        force: bool = True,
    ) -> Item:
        """As `kubectl apply`; force: take over fields of other managers. The stored object."""
        made = applying.apply(self._api, manifest, manager, server_side=server_side, force=force)
        item: Item = fresh(made)
        return item

    def patch(self, target: Target, manager: str = "kubectl-patch") -> Item:
        """As `kubectl patch`. The stored object."""
        item: Item = fresh(applying.patch(self._api, target, manager))
        return item

    def load(self, items: Iterable[Item]) -> None:
        """Take objects as they are, statuses and all; their running pods go on as they are."""
        for item in items:
            if item["kind"] == "Pod" and item["spec"].get("nodeName"):
                self.kubelets.leave(item["metadata"]["uid"])
            self._store.put(item)

    def peek(self, kind: str, namespace: str | None = None) -> list[Item]:
        """The live objects of a kind, not copied: to be read only."""
        return self._store.of(kind, namespace)

    def ask(self, url: str, namespace: str = "default") -> int:
        """The HTTP code a client in the namespace gets; 0 when nothing answers."""
        return self.kubelets.network.ask(url, namespace)

    @property
    def scene_failures(self) -> tuple[str, ...]:
        """What the script wanted to do and the API server refused."""
        return tuple(self._scene_failures)

    def _play(self, scene: Scene) -> None:
        try:
            if scene.apply is not None:
                self.apply(scene.apply, scene.manager, server_side=scene.server_side)
            elif scene.patch is not None:
                self.patch(scene.patch, scene.manager)
            elif scene.delete is not None:
                self._api.delete(applying.ref_of(self._api, scene.delete))
        except ClusterAnswer as error:
            self._scene_failures.append(f"at {scene.at:g} s: {error.what}")

    def forget(self, redactor: Redactor | None = None) -> None:
        """As if another process came: no value of a Secret was seen yet. redactor: its own."""
        self._redactor = redactor or self._redactor
        self._vault = Vault(self._redactor)

    # The port Cluster

    def identity(self) -> ClusterIdentity:
        """Which twin."""
        system = self._store.get("Namespace", "", "kube-system")
        named = self._world.cluster
        uid = system["metadata"]["uid"] if system else ""
        return ClusterIdentity(uid, named.context, named.server, named.user, named.version)

    def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
        """List documents of one kind, masked, 500 objects a page."""
        info = served(self._store, kind)
        if info is None:
            raise refusals.not_served(kind)
        self._parts.recorder.expire()
        items = self._store.of(info.kind, namespace if info.namespaced else None)
        version = str(self._store.version)
        return [
            self._page(info, items[start : start + PAGE], version)
            for start in range(0, max(1, len(items)), PAGE)
        ]

    def _page(self, info: KindInfo, items: list[Item], version: str) -> bytes:
        shown = [self._listed(item) for item in items]
        return msgspec.json.encode(
            {
                "kind": f"{info.kind}List",
                "apiVersion": info.api_version,
                "metadata": {"resourceVersion": version},
                "items": shown,
            }
        )

    def _listed(self, item: Item) -> Item:
        if item["kind"] == "Secret":
            item = _without_secrets(item)
        masked = self._redactor.item(item)
        return {name: value for name, value in masked.items() if name not in ("kind", "apiVersion")}

    def get(self, ref: Ref) -> Item | None:
        """The whole object, or None. A Secret is sealed."""
        info = served(self._store, ref.kind, ref.api_version)
        if info is None:
            raise refusals.not_served(ref.kind)
        namespace = ref.namespace if info.namespaced else ""
        found = self._store.get(ref.kind, namespace, ref.name)
        if found is None:
            return None
        item: Item = fresh(found)
        return self._given(item)

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        """POST."""
        return self._written(self._api.create, item, dry_run)

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        """PUT with the uid and resourceVersion that the item carries."""
        return self._written(self._api.replace, item, dry_run)

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        resource_version: str = "",
        orphan: bool = False,
        evict: bool = False,
        dry_run: bool = False,
    ) -> None:
        """DELETE with preconditions; evict: as PodDisruptionBudgets allow it."""
        if evict:
            self._budgets.evict(ref, uid=uid, version=resource_version, dry_run=dry_run)
            return
        self._api.delete(ref, uid=uid, version=resource_version, orphan=orphan, dry_run=dry_run)

    def kind_of(self, word: str) -> ServedKind | None:
        """Of the table, or of a stored CustomResourceDefinition."""
        parts = kind_word(word)
        found = served_word(self._store, parts) if parts is not None else None
        return found.served if found is not None else None

    def seal(self, value: bytes) -> str:
        """Kept until a Secret with it is written."""
        return self._vault.seal(value)

    def allowed(self, verb: str, ref: Ref) -> bool | None:
        """Everything is."""
        return True

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """Last lines of a container, masked."""
        item = self._store.get("Pod", pod.namespace, pod.name)
        if item is None:
            raise refusals.not_found(pod)
        known = self.kubelets.container(item, container)
        if known is None or known.instance == 0:
            text = f'container "{container}" in pod "{pod.name}" is waiting to start'
            raise NotFound(400, "BadRequest", text, str(pod))
        found = known.previous_logs if previous else known.logs
        if found is None:
            text = f'previous terminated container "{container}" in pod "{pod.name}" not found'
            raise NotFound(400, "BadRequest", text, str(pod))
        return tuple(self._redactor.text(line) for line in found[-lines:]) if lines > 0 else ()

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        """The twin has no services behind its API server."""
        raise NotFound(404, "NotFound", "the server could not find the requested resource", path)

    def _written(self, write: Callable[..., Item], item: Mapping[str, Any], dry_run: bool) -> Item:
        sent = self._vault.opened(item) if item.get("kind") == "Secret" else dict(item)
        return self._given(fresh(write(fresh(sent), MANAGER, dry_run=dry_run)))

    def _given(self, item: Item) -> Item:
        """An object as it leaves the API server. Secrets: sealed, or without their values."""
        if item.get("kind") != "Secret":
            return item
        return self._vault.sealed(item) if self._read_secrets else _without_secrets(item)


def _without_secrets(item: Item) -> Item:
    """A Secret's metadata and type."""
    shown: Item = {name: item[name] for name in ("apiVersion", "kind", "type") if name in item}
    meta = dict(item["metadata"])
    kept = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in SECRET_META}
    meta.pop("annotations", None)
    shown["metadata"] = {**meta, "annotations": kept} if kept else meta
    return shown
