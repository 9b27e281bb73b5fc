"""Journal records: a closed set. Names and fields on disk never change; fields may be added.

Order within a transaction: Begin, Baseline, (Intent, Done | Failed)*, Verdict,
(RollbackIntent, RollbackDone | RollbackFailed)*, End. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class Begin:
    """A transaction opens. kind: "mitigate" or "undo"; undoes: transaction id it inverts, or ""."""

    tx: str
    at: datetime
    kind: str
    incident: str
    title: str
    who: str
    plan: Mapping[str, Any]
    undoes: str = ""


@dataclass(frozen=True)
class Baseline:
    """Health before the first write (the JSON of render-independent health records)."""

    tx: str
    at: datetime
    health: Mapping[str, Any]


@dataclass(frozen=True)
class Intent:
    """A write is about to be made; on disk before the API call, and the permission to roll back.

    before/after: complete objects in normal form or None (see model.change.Change). owners: the
    entries of managedFields that owned the changed fields, cut down to these (names, no values).
    """

    tx: str
    at: datetime
    step: int
    ref: Ref
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    kubectl: str
    rollback: bool = False
    owners: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Done:
    """The API server took the write. answer: normal form of its answer (None for a delete)."""

    tx: str
    at: datetime
    step: int
    uid: str
    answer: Mapping[str, Any] | None
    rollback: bool = False


@dataclass(frozen=True)
class Failed:
    """The write was refused or its fate is unknown. applied: True, False or None (unknown)."""

    tx: str
    at: datetime
    step: int
    error: str
    applied: bool | None
    rollback: bool = False


@dataclass(frozen=True)
class Judged:
    """The verdict and the health it rests on."""

    tx: str
    at: datetime
    decision: str
    reasons: tuple[str, ...]
    health: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """The transaction is closed. unrestored: exact differences left (NEEDS_HUMAN only)."""

    tx: str
    at: datetime
    state: TransactionState
    why: str
    writes: int
    unrestored: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Accepted:
    """A person accepted a NEEDS_HUMAN transaction as it is (`recover --accept TX`)."""

    tx: str
    at: datetime
    who: str


Entry = Begin | Baseline | Intent | Done | Failed | Judged | End | Accepted
