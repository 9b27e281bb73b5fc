"""Grounding: what a model's causes refer to is read again, and struck out when it is not so. Pure.

A reference is a number of a shown fact, or an object's field that is read here. A cause whose
root is not there, or whose references all fail, is dropped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from stratus_cli.agents.answer import CauseAnswer, DiagnosisAnswer, Reference, Scalar
from stratus_cli.agents.view import line_of
from stratus_cli.kube.evidence import absent_evidence, field_evidence, holds
from stratus_cli.kube.fields import as_text, segments
from stratus_cli.model.diagnosis import Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, ref_of

ORIGIN = "the model's hypothesis"  # so that nobody takes it for what a rule found
MOST_CAUSES = 5
_NUMBER = re.compile(r"\s*\[?E(\d{1,6})\b")
_ABSENT = "(absent)"


@dataclass(frozen=True)
class Checked:
    """What is left of an answer. struck: references that do not hold. dropped: causes without."""

    causes: tuple[Diagnosis, ...]
    struck: int
    dropped: int


def check_causes(answer: DiagnosisAnswer, facts: Sequence[Evidence], snap: Snapshot) -> Checked:
    """Diagnoses with the evidence that holds in this snapshot, in the model's order."""
    causes: list[Diagnosis] = []
    struck = dropped = 0
    for said in answer.causes[:MOST_CAUSES]:
        read = [_evidence(item, facts, snap) for item in said.evidence]
        kept = tuple(dict.fromkeys(item for item in read if item is not None and holds(item, snap)))
        struck += len(read) - sum(item in kept for item in read)
        root = _root(said, facts, snap)
        if root is None or not kept:
            dropped += 1
            continue
        causes.append(
            Diagnosis(
                cause=_slug(said.cause),
                title=f"{line_of(said.title, 200)} ({ORIGIN})",
                root=root,
                field=said.field,
                observed=_text(said.observed) or _observed(root, said.field, snap),
                expected=_text(said.expected) or None,
                confidence=_clamped(said.confidence),
                evidence=kept,
                check=line_of(said.check),
            )
        )
    return Checked(tuple(causes), struck, dropped)


def _evidence(said: str | Reference, facts: Sequence[Evidence], snap: Snapshot) -> Evidence | None:
    if isinstance(said, str):
        match = _NUMBER.match(said)
        number = int(match[1]) if match else 0
        return facts[number - 1] if 0 < number <= len(facts) else None
    try:
        ref = Ref.parse(said.ref)
        item = snap.find(ref)
        if item is None:
            return absent_evidence(ref) if not said.field and _is_missed(ref, facts) else None
        found = field_evidence(item, said.field) if said.field else None
    except ValueError:
        return None
    if found is None:
        return None
    claimed = "" if said.value is None else as_text(said.value)
    # Any name that is no field reads as absent, so absence counts only where it was claimed.
    if claimed != found.value and (claimed or found.value == _ABSENT):
        return None
    return found


def _root(said: CauseAnswer, facts: Sequence[Evidence], snap: Snapshot) -> Ref | None:
    """The object that is there, or one that is missed and whose kind was read."""
    try:
        ref = Ref.parse(said.ref)
        segments(said.field)
    except ValueError:
        return None
    item = snap.find(ref)
    if item is not None:
        return ref_of(item)
    missing = not said.field and snap.was_read(ref.kind) and _is_missed(ref, facts)
    return ref if missing else None


def _is_missed(ref: Ref, facts: Sequence[Evidence]) -> bool:
    """Something names it. Any made-up name is absent, too."""
    return bool(ref.name) and any(ref.name in fact.value or fact.ref == ref for fact in facts)


def _observed(root: Ref, field: str, snap: Snapshot) -> str:
    item = snap.find(root)
    if item is None:
        return _ABSENT
    return line_of(field_evidence(item, field).value) if field else ""


def _slug(text: str) -> str:
    """A cause id: kebab-case, whatever the model wrote."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:60].strip("-") or "unnamed"


def _text(value: Scalar) -> str:
    if value is None:
        return ""
    return line_of(value if isinstance(value, str) else json.dumps(value))


def _clamped(confidence: float) -> float:
    return min(max(confidence, 0.0), 1.0) if math.isfinite(confidence) else 0.0
