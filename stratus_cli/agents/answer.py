"""Answers: their form, taking them out of a model's text, and checking what they refer to. Pure.

A reference is a number of a shown fact, or an object's field that is read here again. One that
does not hold is struck out and counted; a cause with none left is dropped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from stratus_cli.agents.errors import MalformedAnswer
from stratus_cli.agents.view import line_of
from stratus_cli.kube.evidence import absent_evidence, field_evidence, holds
from stratus_cli.kube.fields import as_text, segments
from stratus_cli.model.diagnosis import Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, ref_of

ORIGIN = "the model's hypothesis"  # so that nobody takes it for what a rule found
MOST_CAUSES = 5
MOST_CANDIDATES = 3
MOST_LINES = 20  # as many as a transaction may write
LONGEST_COMMAND = 4_000
_NUMBER = re.compile(r"\s*\[?E(\d{1,6})\b")
_ABSENT = "(absent)"

Scalar = str | int | float | bool | None
"""int apart from float, since 2 and 2.0 read differently."""
AnswerT = TypeVar("AnswerT")


class Reference(msgspec.Struct, frozen=True):
    """A field that has no number. value: what it is said to be, which is checked."""

    ref: str
    field: str = ""
    value: Scalar = None


class CauseAnswer(msgspec.Struct, frozen=True):
    """One root cause, as a model says it."""

    cause: str
    title: str
    ref: str
    evidence: list[str | Reference]
    field: str = ""
    observed: Scalar = None
    expected: Scalar = None
    confidence: float = 0.3
    check: str = ""


class DiagnosisAnswer(msgspec.Struct, frozen=True):
    """What the diagnoser is asked for."""

    causes: list[CauseAnswer]


class CandidateAnswer(msgspec.Struct, frozen=True):
    """One way to repair."""

    title: str
    kubectl: list[str]


class PlanAnswer(msgspec.Struct, frozen=True):
    """What the planner is asked for."""

    candidates: list[CandidateAnswer]


@dataclass(frozen=True)
class Checked:
    """What is left of an answer. struck: references that do not hold. dropped: causes without."""

    causes: tuple[Diagnosis, ...]
    struck: int
    dropped: int


@dataclass(frozen=True)
class Lines:
    """Candidates as kubectl lines. dropped: why each of the others is not among them."""

    candidates: tuple[tuple[str, ...], ...]
    dropped: tuple[str, ...]


def schema_of(form: type) -> Mapping[str, Any]:
    """The JSON Schema of an answer: an object at its top, since some servers want that."""
    _, parts = msgspec.json.schema_components((form,), ref_template="#/$defs/{name}")
    return {**parts.pop(form.__name__), "$defs": parts}


def decode(text: str, form: type[AnswerT]) -> AnswerT:
    """The answer in a model's text, with or without a fence or words around it.

    MalformedAnswer says what is wrong, in words the model can be told.
    """
    problem = "no JSON object in it"
    for candidate in _objects(text):
        try:
            return msgspec.convert(candidate, form, strict=False)
        except (msgspec.ValidationError, RecursionError) as error:
            problem = line_of(error)
    raise MalformedAnswer(f"the answer does not fit its schema ({problem})")


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


def check_lines(answer: PlanAnswer) -> Lines:
    """Candidates whose every line is one kubectl command; the grammar judges them later.

    A candidate with any other line is dropped whole: half of a plan is not what was proposed.
    """
    candidates: list[tuple[str, ...]] = []
    dropped: list[str] = []
    for said in answer.candidates[:MOST_CANDIDATES]:
        lines = tuple(line for text in said.kubectl if (line := text.strip().removeprefix("$ ")))
        strange = [line for line in lines if not _is_command(line)]
        if strange:
            dropped.append(f"not a kubectl line: {line_of(strange[0], 120)}")
        elif not lines or len(lines) > MOST_LINES:
            dropped.append(f"{len(lines)} lines, not 1 to {MOST_LINES}")
        elif lines not in candidates:
            candidates.append(lines)
    return Lines(tuple(candidates), tuple(dropped))


def _objects(text: str) -> Iterator[Any]:
    """JSON objects in the text: the whole, or from each of the first braces on."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    for _ in range(20):  # words before the answer may hold braces, but not many
        if start < 0:
            return
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        yield found
        start = text.find("{", end)


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


def _is_command(line: str) -> bool:
    return line.startswith("kubectl ") and line.isprintable() and len(line) <= LONGEST_COMMAND
