"""Discovery of kinds: asked once, only of the group in question, whatever the server answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.cluster.resources import Resources
from stratus_cli.kube.custom import kind_word, kinds_of
from stratus_cli.model.errors import Forbidden, NotFound
from stratus_cli.model.ref import ServedKind
from tests.flow.custom import definition

Item = dict[str, Any]
VERBS = ["get", "list", "update", "create", "delete"]
GROUP = {
    "preferredVersion": {"version": "v1"},
    "versions": [{"version": "v2alpha1"}, {"version": "v1"}],
}
WIDGET = {"name": "widgets", "singularName": "widget", "kind": "Widget", "namespaced": True}
V1 = [{**WIDGET, "verbs": VERBS}, {"name": "widgets/status", "kind": "Widget", "verbs": VERBS}]
WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def server(**answers: object) -> tuple[Resources, list[str]]:
    """answers: by the path below /apis/example.com, "" for the group."""
    asked: list[str] = []

    def read(path: str) -> bytes:
        asked.append(path)
        name = path.removeprefix("/apis/example.com").lstrip("/") or "group"
        if name not in answers:
            raise NotFound(404, "NotFound", "no such group", path)
        found = answers[name]
        return found if isinstance(found, bytes) else json.dumps(found).encode()

    return Resources(read), asked


def named(resources: Resources, word: str) -> ServedKind | None:
    parts = kind_word(word)
    assert parts is not None, word
    found = resources.named(parts)
    return found.served if found is not None else None


def test_the_preferred_version_and_no_request_twice() -> None:
    """Two requests for the first question, none for the second, found or not."""
    resources, asked = server(group=GROUP, v1={"resources": V1}, v2alpha1={"resources": []})
    wanted = ServedKind("Widget", "example.com/v1", "widgets", namespaced=True)
    assert named(resources, "widgets.example.com") == wanted
    assert asked == ["/apis/example.com", "/apis/example.com/v1"]
    assert named(resources, "widgets.example.com") == wanted
    assert named(resources, "gizmo.example.com") is None
    known = len(asked)
    assert named(resources, "gizmo.example.com") is None
    assert len(asked) == known
    assert resources.of("Widget", "example.com/v1").plural == "widgets"


def test_what_can_neither_be_read_nor_changed_is_no_kind() -> None:
    """Reviews have one verb; names that are no names never become part of an address."""
    odd = [
        {**WIDGET, "verbs": ["create"]},
        {**WIDGET, "name": "../secrets", "verbs": VERBS},
        {**WIDGET, "kind": "W/x", "verbs": VERBS},
    ]
    resources, _ = server(group=GROUP, v1={"resources": odd}, v2alpha1={"resources": odd})
    assert named(resources, "widget.example.com") is None


def test_a_server_of_many_versions_is_not_asked_for_all() -> None:
    """A bound on what one question costs."""
    many = [{"version": f"v{number}"} for number in range(1, 500)]
    answers = {f"v{number}": {"resources": []} for number in range(1, 500)}
    resources, asked = server(group={"versions": many}, **answers)
    assert named(resources, "widget.example.com") is None
    assert len(asked) == 11


def test_a_server_that_does_not_say_is_not_an_absent_kind() -> None:
    """It may say so the next time."""

    def closed(path: str) -> bytes:
        raise Forbidden(403, "Forbidden", "not for you", path)

    parts = kind_word("widget.example.com")
    assert parts is not None
    for _ in range(2):
        with pytest.raises(Forbidden):
            Resources(closed).named(parts)


@given(WILD, WILD)
def test_strange_answers_serve_nothing(group: Item, version: Item) -> None:
    """Whatever JSON comes: a kind by the rules, or none."""
    resources, _ = server(group=group, v1=version)
    assert named(resources, "widget.example.com") is None
    assert named(resources, "widget.v1.example.com") is None


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 50_000, b"null", b"7"])
def test_broken_answers_serve_nothing(data: bytes) -> None:
    """Truncated, not UTF-8, too deep."""
    resources, _ = server(group=data, v1=data)
    assert named(resources, "widget.example.com") is None


@given(WILD)
def test_strange_definitions_define_nothing(spec: Item) -> None:
    """CustomResourceDefinitions of the twin and of recordings are data, too."""
    assert list(kinds_of({"spec": spec})) == []
    made = definition("Widget", "example.com", "v1")
    assert [info.kind for info, _ in kinds_of(made)] == ["Widget"]


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda spec: spec["versions"][0].update(served=False), []),
        (lambda spec: spec["names"].update(plural="../x"), []),
        (lambda spec: spec.update(group="a/b"), []),
        (lambda spec: spec["versions"].append({"name": "v2", "served": True}), ["v2", "v1"]),
        (
            lambda spec: spec["versions"].append({"name": "v2beta1", "served": True}),
            ["v1", "v2beta1"],
        ),
    ],
)
def test_versions_are_in_the_servers_order(
    change: Callable[[Item], None], kinds: list[str]
) -> None:
    """Stable before beta, newer before older; what is not served is not there."""
    made = definition("Widget", "example.com", "v1")
    change(made["spec"])
    assert [info.api_version.rpartition("/")[2] for info, _ in kinds_of(made)] == kinds


@pytest.mark.parametrize(
    "word",
    ["", "widget", "a b.example.com", "widget.", ".example.com", "w/x.y.z", "w.a..b", "é.a.b"],
)
def test_what_is_no_word_for_a_kind(word: str) -> None:
    """Nothing of it reaches an address."""
    assert kind_word(word) is None
