"""Health: the vector of each unit, and the verdict on a change (TNR)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

from stratus_cli.model.ref import Ref


class PodStage(IntEnum):
    """How far the furthest pod of a unit's wanted generation got."""

    NONE = 0
    SCHEDULED = 1
    PULLED = 2
    STARTED = 3
    READY = 4


@dataclass(frozen=True)
class UnitHealth:
    """One unit's vector. A term that no source measures is None and not compared.

    stage: least advanced pod counts. ready/wanted: replicas; wanted of a Service: pods of the
    workloads behind it. endpoints: serving addresses of intended pods (Services only).
    error_rate 0..1. p99_s seconds. alerts: names firing on it. problems: rule codes of its outage
    and degraded findings. autoscaled: an autoscaler decides on `wanted`. requests: counted in
    window_s. error_mad, p99_mad, error_minute, p99_low_s, p99_high_s: see model.snapshot.Traffic;
    without an upper bound p99_high_s is None.
    """

    ref: Ref
    stage: PodStage | None = None
    ready: int | None = None
    wanted: int | None = None
    endpoints: int | None = None
    error_rate: float | None = None
    p99_s: float | None = None
    alerts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    score: float | None = None
    """0.5*availability - 0.3*error_rate - 0.2*latency share, scaled to what was measured."""
    autoscaled: bool = False
    requests: float | None = None
    window_s: float | None = None
    error_mad: float | None = None
    p99_mad: float | None = None
    error_minute: float | None = None
    p99_low_s: float | None = None
    p99_high_s: float | None = None


@dataclass(frozen=True)
class Health:
    """All units at one moment. score: mean over units that have one; worst: the lowest one's ref.

    unread: kinds or sources that could not be read, so that absence of a unit proves nothing.
    """

    taken_at: datetime
    units: Mapping[Ref, UnitHealth]
    score: float | None
    worst: Ref | None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnitChange:
    """How one unit moved between two measurements. what: "component old -> new", by component.

    word: gone, worse, unread, changed, new or better.
    """

    ref: Ref
    word: str
    what: tuple[str, ...]


class Decision(Enum):
    """What to do with an open transaction."""

    COMMIT = "commit"
    ROLL_BACK = "roll back"
    WAIT = "wait"


@dataclass(frozen=True)
class Verdict:
    """Why a transaction is kept, taken back or waited for. reasons: sentences, worst first.

    slower_only: nothing stands against a commit but that these answer more slowly than before.
    """

    decision: Decision
    reasons: tuple[str, ...]
    improved: tuple[Ref, ...] = ()
    worse: tuple[Ref, ...] = ()
    slower_only: bool = False


class TransactionState(Enum):
    """The four terminal states; nothing else. Values are journal and report names."""

    COMMITTED = "COMMITTED"
    UNDONE = "UNDONE"
    BLOCKED = "BLOCKED"
    NEEDS_HUMAN = "NEEDS_HUMAN"
