"""A ground of the proof: one namespace, on the twin or on the real cluster, seen by raw reads.

The flows get the same ports on both. Everything that judges them reads and edits beside them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.cluster.twin.clock import TwinClock
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import Target
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.journal.file import FileJournal
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.ports import Clock, Cluster, Limits, Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot
from tests.cluster.bed import Bed
from tests.cluster.client import ApiError
from tests.fakes.faulty import FaultyCluster
from tests.flow.stand import Agreeing, Interrupted
from tests.proof.edits import Edit, Item
from tests.proof.kinds import CLUSTER, api_version, path_of

SOMEBODY = "somebody-else"  # the field manager of every edit that is not Stratus'
JSON_PATCH = "application/json-patch+json"


class World(Protocol):
    """The raw side of a ground."""

    namespace: str
    cluster: Cluster
    clock: Clock
    limits: Limits

    def items(self, kind: str) -> list[Item]:
        """Every object of a kind in the namespace; copies, with kind and apiVersion."""

    def item(self, kind: str, name: str) -> Item | None:
        """One object, also of a kind without namespace. None when it is not there."""

    def apply(self, item: Item) -> None:
        """As `kubectl apply`."""

    def edit(self, kind: str, name: str, operations: list[Item]) -> None:
        """A JSON patch by somebody else."""

    def create(self, item: Item) -> None:
        """Made by somebody else."""

    def delete(self, kind: str, name: str) -> None:
        """Deleted by somebody else; nothing happens when it is not there."""


class TwinWorld:
    """A twin of its own."""

    limits = Limits(watch_s=0.0, budget_s=240.0, poll_s=2.0, stability_s=2.0)

    def __init__(self, twin: Twin, namespace: str) -> None:
        self.twin = twin
        self.namespace = namespace
        self.cluster: Cluster = twin
        self.clock: Clock = TwinClock(twin)
        twin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    def items(self, kind: str) -> list[Item]:
        """From the store."""
        return copy.deepcopy(self.twin.peek(kind, self.namespace))

    def item(self, kind: str, name: str) -> Item | None:
        """From the store."""
        space = None if kind in CLUSTER else self.namespace
        found = [it for it in self.twin.peek(kind, space) if it["metadata"]["name"] == name]
        return copy.deepcopy(found[0]) if found else None

    def apply(self, item: Item) -> None:
        """Client-side apply."""
        self.twin.apply(item)

    def edit(self, kind: str, name: str, operations: list[Item]) -> None:
        """A JSON patch."""
        space = "" if kind in CLUSTER else self.namespace
        self.twin.patch(Target(kind, name, space, json=operations), SOMEBODY)

    def create(self, item: Item) -> None:
        """Server-side, so without the annotation of apply."""
        self.twin.apply(item, SOMEBODY, server_side=True)

    def delete(self, kind: str, name: str) -> None:
        """By its uid."""
        found = self.item(kind, name)
        if found is not None:
            space = "" if kind in CLUSTER else self.namespace
            self.twin.delete(
                Ref(kind, space, name, api_version(kind)), uid=found["metadata"]["uid"]
            )


class RealWorld:
    """A namespace of the real cluster, and what an entry makes beside it."""

    limits = Limits(watch_s=0.0, budget_s=240.0, poll_s=0.5, stability_s=2.0)

    def __init__(self, bed: Bed, namespace: str) -> None:
        self.bed = bed
        self.namespace = namespace
        self.cluster: Cluster = LiveCluster(
            bed.kubeconfig,
            bed.context,
            timeout_s=15,
            redactor=Redactor(b"of the proof"),
            read_secrets=True,
        )
        self.clock: Clock = SystemClock()

    def items(self, kind: str) -> list[Item]:
        """One list request."""
        found = self.bed.api("GET", path_of(kind, self.namespace))["items"]
        return [{"apiVersion": api_version(kind), "kind": kind, **item} for item in found]

    def item(self, kind: str, name: str) -> Item | None:
        """One read."""
        try:
            return self.bed.api("GET", path_of(kind, self.namespace, name))
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def apply(self, item: Item) -> None:
        """kubectl apply."""
        self.bed.apply(self.namespace, item)

    def edit(self, kind: str, name: str, operations: list[Item]) -> None:
        """A JSON patch."""
        path = f"{path_of(kind, self.namespace, name)}?fieldManager={quote(SOMEBODY)}"
        self.bed.api("PATCH", path, operations, JSON_PATCH)

    def create(self, item: Item) -> None:
        """POST."""
        self.bed.api("POST", path_of(item["kind"], self.namespace), item)

    def delete(self, kind: str, name: str) -> None:
        """DELETE, and wait until it is gone."""
        try:
            self.bed.api("DELETE", path_of(kind, self.namespace, name))
        except ApiError as error:
            if error.status != 404:
                raise
        self.bed.until(lambda: self.item(kind, name) is None, f"end of {kind}/{name}")


@dataclass
class Stages:
    """The port Progress: when each stage began, and what was said."""

    clock: Clock
    interrupt: Interrupted
    interrupt_at: str = ""
    """The stage in which Ctrl-C comes."""
    began: dict[str, float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.began[name] = self.clock.monotonic()
        self.interrupt.requested |= name == self.interrupt_at

    def note(self, text: str) -> None:
        """Kept."""
        self.said.append(text)

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        """Not kept."""


class Ground:
    """One namespace with the ports of the flows, and a journal of its own."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.faulty = FaultyCluster(world.cluster)
        self.interrupt = Interrupted()
        self.stages = Stages(world.clock, self.interrupt)

    @property
    def namespace(self) -> str:
        """Where the entry's objects are."""
        return self.world.namespace

    def reading(self) -> Ports:
        """The ports of a reading command."""
        return Ports(
            cluster=self.faulty,
            clock=self.world.clock,
            operator=Agreeing(),
            progress=self.stages,
            interrupt=self.interrupt,
            who="alice@proof",
            limits=self.world.limits,
        )

    @contextmanager
    def ports(self) -> Iterator[Ports]:
        """The ports, with the journal open and locked."""
        ports = self.reading()
        path = self.folder / "journal.jsonl"
        identity = self.world.cluster.identity()
        with FileJournal(path, identity, redactor=Redactor(b"of the proof")) as journal:
            yield replace(ports, journal=journal)

    def observe(self) -> Snapshot:
        """The namespace, as the commands read it."""
        return observe(self.reading(), ScopeRequest((self.namespace,)))

    def edit(self, key: str, *edits: Edit) -> None:
        """Somebody else's edits, in one request."""
        kind, _, name = key.partition("/")
        item = self.world.item(kind, name)
        assert item is not None, f"{key} is not there to be edited"
        operations = []
        for one in edits:
            operations += one.patch(item)
            item = one.on(item)
        self.world.edit(kind, name, operations)

    def until(
        self, ask: Callable[[], Any], what: Callable[[], str], within_s: float = 60.0
    ) -> None:
        """Ask until it is so. AssertionError at the deadline, in the ground's own time."""
        clock = self.world.clock
        started = clock.monotonic()
        while not ask():
            if clock.monotonic() - started > within_s:
                raise AssertionError(f"not within {within_s:g} s: {what()}")
            clock.sleep(0.3)
