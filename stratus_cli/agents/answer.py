"""Answers: their form, taking them out of a model's text, and the lines of a plan. Pure.

What a cause refers to is checked in agents/grounding.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from stratus_cli.agents.errors import MalformedAnswer
from stratus_cli.agents.view import line_of

MOST_CANDIDATES = 3
MOST_LINES = 20  # as many as a transaction may write
LONGEST_COMMAND = 4_000

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


def _is_command(line: str) -> bool:
    return line.startswith("kubectl ") and line.isprintable() and len(line) <= LONGEST_COMMAND
