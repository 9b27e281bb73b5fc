"""Manifests in a typed line: JSON or YAML in one word; and the lines that are shown read back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.model.plan import Refusal
from tests.actions.lifecycle import done, planned, refused, stand_of, there_and_back
from tests.flow.stand import Stand
from tests.flow.worlds import app, world

Item = dict[str, Any]
NOTES: Item = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "notes"},
    "data": {"a": 'it\'s "so"', "b": "two\nlines"},
}
FLOW = "{apiVersion: v1, kind: ConfigMap, metadata: {name: notes}, data: {a: 'x', n: '1'}}"
BLOCK = """apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
data:
  a: x
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: more
  namespace: other
"""


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return stand_of(tmp_path, world(app("web")))


def typed(verb: str, document: str, *more: str) -> str:
    return shlex.join(["kubectl", verb, *more, "-f", document])


@pytest.mark.parametrize("verb", ["create", "apply"])
@pytest.mark.parametrize("document", [json.dumps(NOTES), FLOW])
def test_a_manifest_in_a_word_is_made_and_taken_back(
    stand: Stand, verb: str, document: str
) -> None:
    after = there_and_back(stand, typed(verb, document))
    assert "ConfigMap/shop/notes" in after


@pytest.mark.parametrize("verb", ["create", "apply"])
def test_the_line_of_a_step_reads_back_as_the_step(stand: Stand, verb: str) -> None:
    """In whatever namespace it is typed."""
    plan = planned(stand, typed(verb, json.dumps(NOTES))).plan
    assert plan is not None
    (step,) = plan.steps
    again = planned(stand, step.kubectl)
    assert again.plan is not None, again.refusal
    assert again.plan.steps[0].change == step.change
    found = parse_line(step.kubectl, "another")
    assert not isinstance(found, Refusal)
    assert found[0].ref.namespace == "shop"  # type: ignore[attr-defined]  # both have one


def test_an_apply_over_what_is_there_reads_back_too(stand: Stand) -> None:
    done(stand, typed("apply", json.dumps(NOTES)))
    plan = planned(stand, typed("apply", json.dumps({**NOTES, "data": {"a": "new"}}))).plan
    assert plan is not None
    again = planned(stand, plan.steps[0].kubectl).plan
    assert again is not None
    assert again.steps[0].change.after == plan.steps[0].change.after


def test_several_documents_are_several_changes_each_in_its_namespace() -> None:
    found = parse_line(typed("create", BLOCK), "shop")
    assert not isinstance(found, Refusal)
    assert [str(action.ref) for action in found] == [  # type: ignore[attr-defined]
        "shop/ConfigMap/notes",
        "other/ConfigMap/more",
    ]
    both = {"apiVersion": "v1", "kind": "List", "items": [NOTES, NOTES]}
    listed = parse_line(typed("apply", json.dumps(both)), "shop")
    assert not isinstance(listed, Refusal)
    assert len(listed) == 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (typed("apply", "x.yaml"), "files and addresses are not read"),
        (typed("apply", "-"), "files and addresses are not read"),
        (typed("create", "https://example.com/x.yaml"), "files and addresses are not read"),
        ("kubectl apply", "files and addresses are not read"),
        (typed("apply", ""), "--filename needs a value"),
        (typed("apply", "{a: &x [1], b: *x}"), "YAML aliases"),
        (typed("apply", "{a: [}"), "neither JSON nor YAML"),
        (typed("apply", "{apiVersion: v1, kind: ConfigMap, data: {d: 2020-01-01}}"), "a date?"),
        (typed("apply", "{1: 2}"), "JSON has not"),
        (typed("apply", "{a: .nan}"), "JSON has not"),
        (typed("apply", "[" * 60 + "]" * 60), "files and addresses"),
        (typed("apply", '{"a":' * 60 + "1" + "}" * 60), "more than 50 levels"),
        (typed("apply", "{kind: List, items: [1]}"), "are no manifests"),
        (typed("apply", "{kind: List, items: []}"), "no manifest in it"),
        (typed("apply", "--- \n"), "no manifest in it"),
        (typed("apply", json.dumps({**NOTES, "kind": 7})), "is not a kind"),
        (typed("apply", json.dumps({**NOTES, "apiVersion": "v2"})), "is not a kind"),
        (typed("apply", json.dumps(NOTES), "-R"), "every object is named"),
        (typed("apply", json.dumps(NOTES), "-k", "dir"), "files and addresses are not read"),
        (typed("apply", json.dumps(NOTES), "--force"), "always graceful"),
        (typed("apply", json.dumps(NOTES), "--prune"), "unknown flag"),
        (typed("apply", json.dumps(NOTES), "--validate=false"), "checks are not switched off"),
        (typed("apply", json.dumps(NOTES), "--server-side"), "unknown flag"),
        ("kubectl apply\n-f '{}'", "a line break"),
        ("kubectl set env deploy/web 'A=1\n2'", "a word that is no document"),
        ('kubectl apply -f \'{"a": "\x1b"}\'', "control character"),
    ],
)
def test_what_is_no_manifest_is_refused(line: str, told: str) -> None:
    found = parse_line(line, "shop")
    assert isinstance(found, Refusal)
    assert told in f"{found.reason}; {found.lift}"


def test_the_namespaces_of_line_and_manifest_must_agree(stand: Stand) -> None:
    text = json.dumps({**NOTES, "metadata": {"name": "notes", "namespace": "other"}})
    assert "the manifest says other, the line shop" in refused(
        stand, typed("apply", text, "-n", "shop")
    )


def test_a_credential_is_not_shown_in_a_line(stand: Stand) -> None:
    """What is there already may stay in a manifest; the line leaves the manifest out."""
    secret = "hunter2-hunter2"  # planted
    text = json.dumps({**NOTES, "data": {"password": secret}})
    made = planned(stand, typed("apply", text))
    assert made.plan is None
    assert made.refusal is not None
    assert made.refusal.check == "credential"
    stand.twin.create({**NOTES, "metadata": {"name": "notes", "namespace": "shop"}})
    found = parse_line(typed("apply", text), "shop")
    assert not isinstance(found, Refusal)
    prepared = found[0].prepare(_Stored(stand))  # type: ignore[arg-type]  # get and list suffice
    assert not isinstance(prepared, Refusal)
    assert secret not in prepared[0].kubectl


class _Stored:
    """A Reader over the twin."""

    def __init__(self, stand: Stand) -> None:
        self.get = stand.twin.get

    def list(self, kind: str, namespace: str) -> list[Item]:
        """No autoscaler is there."""
        return []


@given(st.text(max_size=60))
def test_no_text_after_f_raises(text: str) -> None:
    """Whatever is typed, there is an answer."""
    for verb in ("create", "apply"):
        found = parse_line(typed(verb, text), "shop")
        assert isinstance(found, Refusal | tuple)
