"""Laws of changing objects: differences, patches, taking back."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.diff import apply_edits, diff, same_value
from stratus_cli.kube.fields import segments
from stratus_cli.kube.merge import json_patch, merge_patch, strategic
from stratus_cli.kube.normal import differences, digest, fields_digest, normal_form
from stratus_cli.kube.paths import render_path, value_at, with_value
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.kube.skeleton import skeleton
from stratus_cli.kube.three_way import take_back
from stratus_cli.model.change import ABSENT

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab./"] =,\n', max_size=4)
names = st.sampled_from(["a", "b", "x.y/z", "spec", "name", 'q"', "e]"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
container = st.fixed_dictionaries(
    {"name": st.sampled_from(["web", "side", "x", "we=b", "a]b"])},
    optional={
        "image": st.text("abc:", max_size=3),
        "env": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from("AB"), "value": scalars}), max_size=3
        ),
        "resources": st.dictionaries(names, values, max_size=2),
    },
)
objects = st.fixed_dictionaries(
    {"apiVersion": st.just("apps/v1"), "kind": st.just("Deployment")},
    optional={
        "metadata": st.dictionaries(names, values, max_size=3),
        "spec": st.dictionaries(names, values, max_size=3)
        | st.fixed_dictionaries({"containers": st.lists(container, max_size=3)}),
    },
)


def unordered(item: Any) -> Any:
    """Keyed lists as sets of elements: their order is no edit."""
    if isinstance(item, dict):
        return {key: unordered(value) for key, value in item.items()}
    if isinstance(item, list):
        parts = [unordered(part) for part in item]
        if parts and all(isinstance(part, dict) and "name" in part for part in parts):
            return sorted(parts, key=repr)
        return parts
    return item


@given(objects, objects)
def test_applying_a_difference_gives_the_other_side(before: Any, after: Any) -> None:
    made = apply_edits(before, diff(before, after))
    assert same_value(unordered(made), unordered(after))
    assert diff(made, after) == ()


@given(objects, objects)
def test_taking_a_change_back_restores_what_was(before: Any, after: Any) -> None:
    back = take_back(before, after, after)
    assert not back.conflicts
    assert diff(back.wanted, before) == ()


@given(objects, objects, values)
def test_a_third_partys_field_elsewhere_is_kept(before: Any, after: Any, theirs: Any) -> None:
    live = copy.deepcopy(after)
    live["theirs"] = theirs
    back = take_back(before, after, live)
    assert same_value(back.wanted.get("theirs"), theirs)
    assert not back.conflicts


@given(objects, objects, objects)
def test_a_field_is_restored_only_where_it_is_still_ours(
    before: Any, after: Any, live: Any
) -> None:
    back = take_back(before, after, live)
    for clash in back.conflicts:
        assert value_at(back.wanted, clash.path) == clash.live
    for edit in back.restored:
        assert value_at(live, edit.path) == value_at(after, edit.path)


@given(objects, objects)
def test_two_skeletons_differ_as_the_whole_objects_do(before: Any, after: Any) -> None:
    edits = diff(before, after)
    paths = [edit.path for edit in edits if not edit.path.startswith("metadata")]
    wanted = [edit for edit in edits if edit.path in paths]
    found = diff(skeleton(before, paths), skeleton(after, paths))
    assert {edit.path: (edit.before, edit.after) for edit in found if edit.path in paths} == {
        edit.path: (edit.before, edit.after) for edit in wanted
    }


@given(objects, objects)
def test_paths_in_a_difference_read_back(before: Any, after: Any) -> None:
    for edit in diff(before, after):
        assert render_path(segments(edit.path)) == edit.path
        assert same_or_absent(value_at(before, edit.path), edit.before)
        assert same_or_absent(value_at(after, edit.path), edit.after)


def same_or_absent(left: Any, right: Any) -> bool:
    return left is right if ABSENT in (left, right) else same_value(left, right)


@given(objects)
def test_the_normal_form_is_idempotent(item: Any) -> None:
    once = normal_form(item)
    assert normal_form(once) == once
    assert digest(item) == digest(once)
    assert not differences(item, once)


def test_a_list_with_one_key_twice_is_one_value() -> None:
    """A shadowed env name: order and both values survive."""
    before = {
        "kind": "Pod",
        "spec": {
            "containers": [
                {"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
            ]
        },
    }
    after = {
        "kind": "Pod",
        "spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "3"}]}]},
    }
    (edit,) = diff(before, after)
    assert edit.path == "spec.containers[name=c].env"
    assert apply_edits(before, [edit]) == after
    assert take_back(before, after, after).wanted == before


def test_a_strategic_patch_merges_lists_by_their_key() -> None:
    item = {
        "kind": "Deployment",
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "a", "image": "1", "args": ["x"]},
                        {"name": "b", "image": "1"},
                    ]
                }
            }
        },
    }
    patch = {
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "b", "image": "2"},
                        {"name": "a", "args": None},
                        {"name": "c", "image": "3"},
                    ]
                }
            }
        }
    }
    made = strategic(item, patch, "Deployment")
    assert made["spec"]["template"]["spec"]["containers"] == [
        {"name": "b", "image": "2"},
        {"name": "a", "image": "1"},
        {"name": "c", "image": "3"},
    ]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}}}
    assert len(strategic(item, patch, "Deployment")["spec"]["template"]["spec"]["containers"]) == 1


@pytest.mark.parametrize(
    ("old", "new", "order"),
    [
        ("ab", "c", "cab"),
        ("ab", "bc", "abc"),
        ("abc", "ca", "bca"),
        ("abc", "b", "abc"),
        ("abc", "xb", "xabc"),
    ],
)
def test_the_order_after_a_strategic_patch_is_that_of_the_api(
    old: str, new: str, order: str
) -> None:
    """k8s.io/apimachinery, strategicpatch.mergeSortedSlice."""

    def item(names: str) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": name} for name in names]}}

    assert strategic(item(old), item(new), "Pod") == item(order)


def test_service_ports_keep_their_type_under_a_strategic_patch() -> None:
    item = {"kind": "Service", "spec": {"ports": [{"port": 80, "targetPort": 1}]}}
    made = strategic(item, {"spec": {"ports": [{"port": "80", "targetPort": 2}]}}, "Service")
    assert made["spec"]["ports"] == [{"port": 80, "targetPort": 2}]


@pytest.mark.parametrize(
    ("item", "patch", "wanted"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_rfc_7386(item: Any, patch: Any, wanted: Any) -> None:
    assert merge_patch(item, patch) == wanted


def test_rfc_6902() -> None:
    assert json_patch(
        {"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}]
    ) == {"foo": ["bar", "qux", "baz"]}
    assert json_patch({"a/b": 1}, [{"op": "remove", "path": "/a~1b"}]) == {}
    assert json_patch(
        {"foo": {"a": 1}, "qux": {}}, [{"op": "move", "from": "/foo/a", "path": "/qux/b"}]
    ) == {"foo": {}, "qux": {"b": 1}}
    for operations in (
        [{"op": "test", "path": "/a", "value": 2}],
        [{"op": "remove", "path": "/nope"}],
        [{"op": "replace", "path": "/nope", "value": 1}],
        [{"op": "frob", "path": "/a"}],
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # the kind of error is the contract
            json_patch({"a": 1}, operations)


def test_fields_digest_tells_absent_from_null() -> None:
    assert fields_digest({"a": None}, ["a"]) != fields_digest({}, ["a"])
    assert fields_digest({"a": 1, "b": 2}, ["a"]) == fields_digest({"a": 1, "b": 3}, ["a"])


def test_with_value_makes_parents_and_keyed_elements() -> None:
    made = with_value({}, "spec.containers[name=c].image", "i")
    assert made == {"spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert with_value(made, "spec.containers[name=c]", ABSENT) == {"spec": {"containers": []}}
    assert with_value({}, "spec.x.y", ABSENT) == {}


@pytest.mark.parametrize(
    ("text", "amount"),
    [("100m", "0.1"), ("1Gi", "1073741824"), ("2e3", "2000"), ("1.5k", "1500"), ("0", "0")],
)
def test_quantities(text: str, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "x", "1ki", "1 Gi", "--1", "1ee3"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)
