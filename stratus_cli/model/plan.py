"""Plan: one candidate repair of one incident, as data that can be shown, stored and executed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from stratus_cli.model.change import Change
from stratus_cli.model.lifts import LIFTS
from stratus_cli.model.ref import ClusterIdentity, Ref


class Risk(Enum):
    """Chance and size of harm if the plan is wrong. Values are written to files."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True)
class Step:
    """One write.

    kubectl: the line a person could type instead. depends: field paths whose values must still be
    as in change.before when the write is made; digest: hash over those values
    (kube.normal.fields_digest). uid: of the object read ("" for a create).
    confirmed: the server's dry run accepted it; else `unconfirmed` says why it was not asked.
    """

    kubectl: str
    change: Change
    depends: tuple[str, ...]
    digest: str
    uid: str
    confirmed: bool = False
    unconfirmed: str = ""


@dataclass(frozen=True)
class Plan:
    """One transaction executes one plan.

    targets: units whose health must improve. roots: (rule, ref) findings that must be gone.
    blast_radius: objects whose pods or traffic the change touches. stops: units stopped on purpose.
    notes: what a reviewer must know (not known by rehearsal, will be overwritten by ...).
    digest: hash over everything above it that binds the execution (flow.planfile).
    """

    id: str
    incident: str
    title: str
    runbook: str
    candidate: str
    cluster: ClusterIdentity
    steps: tuple[Step, ...]
    targets: tuple[Ref, ...]
    roots: tuple[tuple[str, Ref], ...]
    blast_radius: tuple[Ref, ...]
    risk: Risk
    success: str
    created_at: datetime
    expires_at: datetime
    notes: tuple[str, ...] = ()
    stops: tuple[Ref, ...] = ()
    sources: tuple[str, ...] = field(default=())
    """Which known-good source was believed, and why."""


@dataclass(frozen=True)
class Refusal:
    """A candidate that is not offered, or a plan that may not run. check: name of the check.

    lift: what would make it possible; by default what model.lifts has for the check.
    """

    check: str
    reason: str
    lift: str = ""

    def __post_init__(self) -> None:
        if not self.lift:
            object.__setattr__(self, "lift", LIFTS.get(self.check, ""))

    def __str__(self) -> str:
        """The check, its reason and the way on, as they stand in a sentence."""
        way_on = f" (to lift it: {self.lift})" if self.lift else ""
        return f"{self.check}: {self.reason}{way_on}"


@dataclass(frozen=True)
class Candidate:
    """One runbook candidate for one incident: either a plan, or why there is none."""

    runbook: str
    title: str
    kubectl: tuple[str, ...]
    plan: Plan | None
    refusal: Refusal | None = None
