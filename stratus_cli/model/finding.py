"""Findings: what a rule saw, with evidence that can be read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from stratus_cli.model.ref import Ref


class Severity(IntEnum):
    """How bad, for users of the cluster. Ordered, worst highest."""

    HYGIENE = 0
    RISK = 1
    DEGRADED = 2
    OUTAGE = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Confidence(IntEnum):
    """How sure a rule is that what it says is a problem."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact and where to read it again.

    source: "object", "event", "log", "metric" or "alert". field: field path inside the object, or
    reason of the event, container of the log, query of the metric. value: as seen, redacted.
    """

    source: str
    ref: Ref
    field: str
    value: str
    seen_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.ref} {self.field} = {self.value}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem on one object. (rule, ref) identifies it across runs."""

    rule: str
    severity: Severity
    confidence: Confidence
    ref: Ref
    message: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def key(self) -> tuple[str, Ref]:
        return (self.rule, self.ref)


@dataclass(frozen=True, slots=True)
class Skip:
    """A rule that could not be decided, because what it needs was not read."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleMeta:
    """Identity of a rule. code: stable, e.g. "POD101"; needs: kinds it must be able to read."""

    code: str
    name: str
    severity: Severity
    needs: tuple[str, ...]

    def finding(
        self,
        ref: Ref,
        message: str,
        *,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.HIGH,
        evidence: tuple[Evidence, ...] = (),
    ) -> Finding:
        """A finding of this rule; severity defaults to the rule's own."""
        return Finding(
            self.code,
            self.severity if severity is None else severity,
            confidence,
            ref,
            message,
            evidence,
        )
