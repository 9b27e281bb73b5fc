"""Answers: whatever a model writes, it is understood or refused, and nothing false stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stratus_cli.agents.answer import (
    DiagnosisAnswer,
    PlanAnswer,
    check_lines,
    decode,
    schema_of,
)
from stratus_cli.agents.errors import MalformedAnswer
from stratus_cli.agents.grounding import check_causes
from stratus_cli.agents.view import view
from stratus_cli.kube.evidence import holds
from tests.agents.scenes import EXITS, WEB, cause, detection_of, incident_of

DETECTION = detection_of(EXITS)
SNAP = DETECTION.snap
FACTS = view(incident_of(DETECTION), SNAP, ()).facts

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
refs = st.sampled_from([WEB, "shop/Service/web", "/Node/node1", "a/b/c"]) | st.text(max_size=20)
paths = st.sampled_from(["", "spec.replicas", "metadata.name", "spec.x[0]"]) | st.text(max_size=20)
references = (
    st.integers(-2, 200).map(lambda number: f"E{number}")
    | st.text(max_size=10)
    | st.fixed_dictionaries({"ref": refs, "field": paths, "value": scalars})
)
answers = st.fixed_dictionaries(
    {
        "causes": st.lists(
            st.fixed_dictionaries(
                {
                    "cause": st.text(max_size=20),
                    "title": st.text(max_size=20),
                    "ref": refs,
                    "field": paths,
                    "evidence": st.lists(references, max_size=4),
                    "confidence": st.floats() | st.integers(),
                    "observed": scalars,
                }
            ),
            max_size=7,
        )
    }
)


@given(st.text(max_size=300) | st.recursive(scalars, st.lists).map(json.dumps))
def test_any_text_is_an_answer_or_is_refused(text: str) -> None:
    """No text makes reading it fail in another way."""
    for form in (DiagnosisAnswer, PlanAnswer):
        try:
            decode(text, form)
        except MalformedAnswer:
            pass


@given(answers)
def test_only_what_holds_stays(answer: dict[str, object]) -> None:
    """Every cause that stays has evidence, all of it true, and a confidence between 0 and 1."""
    try:
        decoded = decode(json.dumps(answer), DiagnosisAnswer)
    except MalformedAnswer:
        return
    for item in check_causes(decoded, FACTS, SNAP).causes:
        assert item.evidence
        assert all(holds(piece, SNAP) for piece in item.evidence)
        assert 0 <= item.confidence <= 1
        assert item.cause.replace("-", "").isalnum()
        assert item.title.isprintable()


@given(st.lists(st.lists(st.text(max_size=30) | st.just("kubectl get x"), max_size=3), max_size=5))
def test_only_kubectl_lines_come_out(candidates: list[list[str]]) -> None:
    """One printable line each, beginning with kubectl."""
    answer = {"candidates": [{"title": "", "kubectl": lines} for lines in candidates]}
    for lines in check_lines(decode(json.dumps(answer), PlanAnswer)).candidates:
        assert lines
        assert all(line.startswith("kubectl ") and line.isprintable() for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        '{"causes": []}',
        '```json\n{"causes": []}\n```',
        'I think {so}.\n{"causes": []} and {more}',
        '{"causes": [], "thoughts": "extra keys do no harm"}',
        '{"other": 1}\n{"causes": []}',
    ],
)
def test_json_is_found(text: str) -> None:
    """With or without fence, words or further keys."""
    assert decode(text, DiagnosisAnswer) == DiagnosisAnswer([])


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 100_000, '{"causes":' * 50_000, "9" * 9_000])
def test_deep_text_is_refused(text: str) -> None:
    """Nesting and digits without end do no harm."""
    with pytest.raises(MalformedAnswer):
        decode(text, DiagnosisAnswer)


def test_schema_is_what_decoding_accepts() -> None:
    """The schema that a model is given is valid, and agrees with the reader."""
    schema = schema_of(DiagnosisAnswer)
    Draft202012Validator.check_schema(dict(schema))
    good = {"causes": [cause("E1", {"ref": WEB, "field": "spec.replicas", "value": 2})]}
    bad = {"causes": [{"cause": "x"}]}
    validator = Draft202012Validator(dict(schema))
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)
    decode(json.dumps(good), DiagnosisAnswer)
    with pytest.raises(MalformedAnswer, match="title"):
        decode(json.dumps(bad), DiagnosisAnswer)
    assert schema["type"] == "object"
