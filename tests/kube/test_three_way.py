"""Three values a field: before, ours, now. What is ours goes back; what is theirs stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.diff import apply_edits, diff
from stratus_cli.kube.three_way import take_back
from stratus_cli.model.change import ABSENT, FieldEdit


def config(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}}


def pod(*names: str, **values: str) -> dict[str, Any]:
    env = [{"name": name, "value": values.get(name, "1")} for name in names]
    return {"kind": "Pod", "spec": {"containers": [{"name": "c", "env": env}]}}


def names(item: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in item["spec"]["containers"][0]["env"]]


def test_a_map_that_came_whole_is_weighed_by_entry_once_others_use_it() -> None:
    back = take_back(config(), config(labels={"a": "1"}), config(labels={"a": "1", "b": "2"}))
    assert back.wanted == config(labels={"b": "2"})
    assert not back.conflicts


def test_a_map_that_came_whole_goes_whole() -> None:
    """No empty map is left where there was none."""
    back = take_back(config(), config(labels={"a": "1", "b": "1"}), config(labels={"b": "1"}))
    assert back.wanted == config()
    assert not back.conflicts


def test_a_map_that_went_whole_comes_back_beside_what_others_put_there() -> None:
    back = take_back(config(labels={"a": "1"}), config(), config(labels={"b": "2"}))
    assert back.wanted == config(labels={"a": "1", "b": "2"})
    assert not back.conflicts


def test_an_entry_that_others_changed_is_a_conflict_by_itself() -> None:
    before, after = config(), config(labels={"a": "1", "b": "1"})
    back = take_back(before, after, config(labels={"a": "1", "b": "theirs"}))
    assert back.wanted == config(labels={"b": "theirs"})
    assert [clash.path for clash in back.conflicts] == ["metadata.labels.b"]


def test_a_keyed_list_that_came_whole_is_weighed_by_element() -> None:
    before: dict[str, Any] = {"kind": "Pod", "spec": {"containers": [{"name": "c"}]}}
    back = take_back(before, pod("A"), pod("A", "T"))
    assert names(back.wanted) == ["T"]
    assert not back.conflicts


def test_an_element_that_others_changed_is_not_taken_apart() -> None:
    """Its name is not a field of ours."""
    back = take_back(pod("A"), pod("A", "B"), pod("A", "B", B="theirs"))
    assert back.wanted == pod("A", "B", B="theirs")
    assert len(back.conflicts) == 1


@pytest.mark.parametrize(
    ("live", "wanted"),
    [(("A", "C"), ["A", "B", "C"]), (("A", "T", "C"), ["A", "T", "B", "C"]), (("C",), ["B", "C"])],
)
def test_an_element_comes_back_to_its_place(live: tuple[str, ...], wanted: list[str]) -> None:
    back = take_back(pod("A", "B", "C"), pod("A", "C"), pod(*live))
    assert names(back.wanted) == wanted


def test_an_order_that_others_chose_stays() -> None:
    back = take_back(pod("A", "B"), pod("A", "B", A="2"), pod("B", "A", A="2"))
    assert names(back.wanted) == ["B", "A"]


def test_an_order_that_we_chose_is_one_thing() -> None:
    """No element differs, so there is nothing to weigh by itself."""
    back = take_back(pod("A", "B"), pod("B", "A"), pod("B", "T", "A"))
    assert names(back.wanted) == ["B", "T", "A"]
    assert len(back.conflicts) == 1


def test_force_leaves_what_has_another_shape() -> None:
    before = {"kind": "X", "spec": {"a": {"b": 1}}}
    after = {"kind": "X", "spec": {"a": {"b": 2}}}
    back = take_back(before, after, {"kind": "X", "spec": {"a": "text"}}, force=True)
    assert back.wanted["spec"] == {"a": "text"}
    assert [clash.path for clash in back.conflicts] == ["spec.a.b"]


fields = st.dictionaries(st.sampled_from("abc"), st.sampled_from(("1", "2")), max_size=3)
maybe = st.one_of(st.none(), fields)
orders = st.lists(st.sampled_from("ABCD"), unique=True, max_size=4)


def made(labels: dict[str, str] | None, env: list[str]) -> dict[str, Any]:
    meta: dict[str, Any] = {} if labels is None else {"labels": labels}
    return {"kind": "Pod", "metadata": meta, "spec": pod(*env)["spec"]}


@given(maybe, maybe, orders, orders)
def test_alone_everything_is_as_before(
    old: Any, new: Any, old_env: list[str], new_env: list[str]
) -> None:
    """take_back(before, after, after) is before, up to the order of what was there all the time."""
    before, after = made(old, old_env), made(new, new_env)
    back = take_back(before, after, after)
    assert not back.conflicts
    assert not diff(before, back.wanted)
    if set(old_env) == set(new_env):
        return
    assert sorted(names(back.wanted)) == sorted(old_env)


@given(maybe, maybe, maybe)
def test_what_is_theirs_is_never_changed(old: Any, new: Any, theirs: Any) -> None:
    """A field that is neither as we wrote it nor as it was before keeps its value."""
    before, after, live = made(old, []), made(new, []), made(theirs, [])
    wanted = take_back(before, after, live).wanted["metadata"].get("labels") or {}
    for key in "abc":
        values = [(side or {}).get(key) for side in (old, new, theirs)]
        ours = values[2] == values[1] != values[0]
        assert wanted.get(key) == (values[0] if ours else values[2])


@given(maybe, maybe, maybe)
def test_taking_back_twice_is_taking_back_once(old: Any, new: Any, theirs: Any) -> None:
    before, after = made(old, []), made(new, [])
    once = take_back(before, after, made(theirs, [])).wanted
    again = take_back(before, after, once)
    assert not again.restored
    assert again.wanted == once


def test_an_absent_field_equals_only_an_absent_one() -> None:
    item = {"kind": "X", "a": None}
    assert apply_edits(item, (FieldEdit("a", None, ABSENT),)) == {"kind": "X"}
    assert diff(item, {"kind": "X"}) == (FieldEdit("a", None, ABSENT),)
