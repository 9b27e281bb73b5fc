"""Report: what every stage hands to render. The JSON document is schema "stratus/report/v1"."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.finding import Finding, Skip
from stratus_cli.model.health import Health, TransactionState
from stratus_cli.model.plan import Candidate, Plan
from stratus_cli.model.ref import ClusterIdentity
from stratus_cli.model.snapshot import Gap, Scope

TRIED = "tried: "
"""How a plan's note begins that tells a lesson of an earlier attempt."""


@dataclass(frozen=True)
class TransactionReport:
    """One transaction as the report shows it. attempts on one incident are in time order."""

    id: str
    incident: str
    state: TransactionState
    writes: int
    why: str
    plan: Plan | None = None
    waited_s: float = 0.0
    unrestored: tuple[str, ...] = ()
    open: bool = False
    """True when it was left open (second Ctrl-C): `stratus recover` closes it."""
    checks: tuple[str, ...] = ()
    """BLOCKED: the names of the checks that refused it."""
    settled_at: datetime | None = None
    """COMMITTED: from when telemetry tells of the changed state alone."""


@dataclass(frozen=True)
class Timing:
    """Seconds. t_mitigate ends at the verdict; mttr is their sum. None: stage not reached."""

    detect_s: float | None = None
    diagnose_s: float | None = None
    mitigate_s: float | None = None

    @property
    def mttr_s(self) -> float | None:
        parts = (self.detect_s, self.diagnose_s, self.mitigate_s)
        return None if None in parts else sum(part for part in parts if part is not None)


@dataclass(frozen=True)
class TimelineEntry:
    """One line of the timeline. what: a sentence."""

    at: datetime
    what: str


@dataclass(frozen=True)
class Report:
    """The same document from every stage, with what that stage knows."""

    command: str
    cluster: ClusterIdentity
    taken_at: datetime
    scope: Scope = field(default_factory=Scope)
    gaps: tuple[Gap, ...] = ()
    skips: tuple[Skip, ...] = ()
    health: Health | None = None
    health_before: Health | None = None
    """What `health` is compared with, where that was asked for."""
    findings: tuple[Finding, ...] = ()
    """All findings; those not explained by an incident are shown on their own."""
    incidents: tuple[Incident, ...] = ()
    candidates: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)
    """By incident id, in the order in which they would be tried."""
    transactions: tuple[TransactionReport, ...] = ()
    timing: Timing = field(default_factory=Timing)
    timeline: tuple[TimelineEntry, ...] = ()
    learnt: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By incident id: what failed attempts taught."""
    notes: tuple[str, ...] = ()
    is_refused: bool = False
    """Of a dry run: what it tells would be refused, at least in part."""
