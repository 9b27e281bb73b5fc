"""Why something is broken: Diagnosis (one root cause), Incident (what is repaired together)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stratus_cli.model.finding import Evidence, Finding, Severity
from stratus_cli.model.ref import Ref


@dataclass(frozen=True, slots=True)
class CauseMeta:
    """Identity of a cause. id: kebab-case, stable; title: template for people, no variables."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class KnownGood:
    """A value that once worked, and why we believe so. value is JSON; None means "absent".

    source: e.g. "ReplicaSet web-5d8f revision 3", "last-applied annotation", "recording of ...".
    """

    value: Any
    source: str
    age_s: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """One root cause.

    field: field path of root that is wrong ("" when the object itself is absent).
    expected: what it should be, for people; None when nothing says.
    facts: JSON values for the variables of runbooks. A runbook candidate whose variables are not
    all here is not offered. confidence: 0..1.
    explains: (rule code, ref) of the findings it accounts for, its symptoms.
    """

    cause: str
    title: str
    root: Ref
    field: str
    observed: str
    expected: str | None
    confidence: float
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    explains: tuple[tuple[str, Ref], ...] = ()
    check: str = ""
    """A command or observation that would tell this cause from its rivals."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """Something that happened to an object. at: as the API server or a kubelet said."""

    at: datetime
    ref: Ref
    what: str


@dataclass(frozen=True)
class Incident:
    """Roots that are repaired together, with the symptoms they explain.

    id is a digest of cluster, causes and root refs: the same in every run. history: what changed
    and since when it shows, oldest first.
    """

    id: str
    severity: Severity
    title: str
    roots: tuple[Diagnosis, ...]
    rivals: tuple[Diagnosis, ...] = ()
    symptoms: tuple[Finding, ...] = ()
    history: tuple[Moment, ...] = ()

    @property
    def targets(self) -> tuple[Ref, ...]:
        """The objects named by the symptoms, sorted."""
        return tuple(sorted({symptom.ref for symptom in self.symptoms}))


def incident_id(cluster_uid: str, roots: tuple[tuple[str, Ref], ...]) -> str:
    """Ten hex digits. roots: (cause id, root ref) pairs, in any order."""
    text = "\n".join([cluster_uid, *sorted(f"{cause} {ref}" for cause, ref in roots)])
    return hashlib.sha256(text.encode()).hexdigest()[:10]
