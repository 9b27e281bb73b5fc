"""A stand for flow tests: the demo's twin, its clock, a real journal, a person who agrees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from stratus_cli.cli.demonstration import demo_world
from stratus_cli.cluster.twin.clock import TwinClock
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.flow.assemble import Look, look
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.flow.plan import candidates
from stratus_cli.journal.file import FileJournal
from stratus_cli.knowledge.runbook import default_directory, load
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Cluster, Limits, Policy, Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot
from tests.fakes.faulty import FaultyCluster

SHOP = ScopeRequest(("shop",))
CART = Ref("Deployment", "shop", "cart", "apps/v1")
RUNBOOKS = load(default_directory())


@dataclass
class Decided:
    """The answer to a shown plan."""

    choice: str = "yes"
    lines: tuple[str, ...] = ()


@dataclass
class Agreeing:
    """Agrees to every plan; answers questions as told."""

    sure: bool = True
    choices: list[Decided] = field(default_factory=list)
    seen: list[Plan] = field(default_factory=list)

    def approve(self, plan: Plan, incident: Incident | None) -> Decided:
        self.seen.append(plan)
        return self.choices.pop(0) if self.choices else Decided()

    def confirm(self, question: str) -> bool:
        return self.sure


@dataclass
class Silent:
    """Keeps what was said."""

    said: list[str] = field(default_factory=list)

    def stage(self, name: str) -> None:
        self.said.append(f"== {name}")

    def note(self, text: str) -> None:
        self.said.append(text)

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        self.said.append(f"waiting for {what}")


@dataclass
class Interrupted:
    """Ctrl-C, when a test says so."""

    requested: bool = False


@dataclass
class Stand:
    """Everything a flow needs, on one twin."""

    twin: Twin
    cluster: FaultyCluster
    folder: Path
    operator: Agreeing = field(default_factory=Agreeing)
    progress: Silent = field(default_factory=Silent)
    interrupt: Interrupted = field(default_factory=Interrupted)
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=lambda: Limits(watch_s=0.0))

    @classmethod
    def make(cls, folder: Path, world: str | None = None) -> Stand:
        twin = Twin(load_world(world or demo_world()))
        return cls(twin, FaultyCluster(twin), folder)

    @contextmanager
    def ports(self) -> Iterator[Ports]:
        """The ports, with the journal open and locked."""
        path = self.folder / "journal.jsonl"
        identity = self.twin.identity()
        with FileJournal(path, identity, redactor=Redactor(b"test")) as journal:
            yield replace(self.reading(), journal=journal)

    def reading(self) -> Ports:
        """The ports of a reading command."""
        return Ports(
            cluster=self.cluster,
            clock=TwinClock(self.twin),
            operator=self.operator,
            progress=self.progress,
            interrupt=self.interrupt,
            who="alice@test",
            limits=self.limits,
            policy=self.policy,
        )

    def look(self) -> Look:
        return look(self.reading(), SHOP, runbooks=RUNBOOKS)

    def observe(self) -> Snapshot:
        return observe(self.reading(), SHOP)

    def plan(self, number: int = 0) -> Plan:
        """The plan of the n-th candidate of the worst incident."""
        seen = self.look()
        made = candidates(seen.incidents[0], seen.detection.graph, self.reading(), RUNBOOKS)
        plan = made[number].plan
        assert plan is not None, made[number].refusal
        return plan

    def spec(self, ref: Ref = CART, cluster: Cluster | None = None) -> object:
        """The object's spec and labels as they are now: the test's own idea of "equal"."""
        item = (cluster or self.twin).get(ref)
        assert item is not None
        meta = item["metadata"]
        return {"spec": item["spec"], "labels": meta.get("labels")}
