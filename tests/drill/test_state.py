"""The drill's own equality."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from stratus_cli.drill.fault import Place
from stratus_cli.drill.mend import in_order
from stratus_cli.drill.oracle import _is_never_a_fix
from stratus_cli.drill.state import Difference, State, but_for, differences, not_as_it_was

WEB: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "ns", "labels": {"app": "web"}, "uid": "1"},
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"name": "web", "image": "a:1"}]}},
    },
    "status": {"readyReplicas": 2},
}
KEY = "ns/Deployment/web"
FINALIZERS = "metadata.finalizers"


def changed(**paths: Any) -> State:
    item = copy.deepcopy(WEB)
    for path, value in paths.items():
        node = item
        *parents, last = path.split("__")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return State({KEY: item})


def test_what_the_server_keeps_is_no_difference() -> None:
    """Status, uid, versions, the numbers of rollouts, a restart."""
    after = changed(
        status={},
        metadata__uid="2",
        metadata__resourceVersion="7",
        metadata__annotations={"deployment.kubernetes.io/revision": "3"},
        spec__template__metadata={
            "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
        },
    )
    assert differences(changed(), after) == []


def test_a_wish_is_named_by_its_field() -> None:
    """Replicas, labels, an image."""
    found = differences(changed(), changed(spec__replicas=0, metadata__labels={"app": "x"}))
    assert [(item.field, item.after) for item in found] == [
        ("metadata.labels.app", "x"),
        ("spec.replicas", 0),
    ]


def test_values_of_a_secret_are_not_shown() -> None:
    """The field is named, what was and is in it is not."""
    shown = str(Difference("ns/Secret/s", "data.password", "b25l", "dHdv"))
    assert "data.password" in shown
    assert "b25l" not in shown
    assert "dHdv" not in shown


def test_gone_and_new_are_whole_objects() -> None:
    """One on its way out counts as gone."""
    empty = State({})
    assert differences(changed(), empty) == [Difference(KEY, "", "there", "gone")]
    assert differences(empty, changed()) == [Difference(KEY, "", "absent", "there")]
    going = changed(metadata__deletionTimestamp="2026-01-01T00:00:00Z")
    assert differences(changed(), going) == [Difference(KEY, "", "there", "gone")]


def test_a_lost_template_is_a_difference_and_a_new_one_is_not() -> None:
    """What a later rollout undo needs must be there still."""
    before, after = State({}, frozenset({"a", "b"})), State({}, frozenset({"b", "c"}))
    assert not_as_it_was(before, after) == ["gone from the history: a"]


def with_env(*env: dict[str, str], **paths: Any) -> State:
    return changed(
        spec__template={"spec": {"containers": [{"name": "web", "env": list(env)}]}}, **paths
    )


A, B = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}
APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}


def test_what_asks_for_nothing_counts_only_where_all_must_be_as_it_was() -> None:
    """The order of variables, and what kubectl remembers of an apply."""
    before, after = with_env(A, B, metadata__annotations=APPLIED), with_env(B, A)
    assert differences(before, after, exact=False) == []
    assert not_as_it_was(before, after)
    assert differences(with_env(A, B), with_env(A), exact=False)
    assert differences(with_env(A, B), with_env(A, {**B, "value": "3"}), exact=False)


def test_the_order_of_variables_that_refer_to_others_counts() -> None:
    """Kubernetes fills in only what stands before."""
    refers = {"name": "B", "value": "$(A)/x"}
    assert differences(with_env(A, refers), with_env(refers, A), exact=False)
    twice = {"name": "A", "value": "2"}
    assert differences(with_env(A, twice), with_env(twice, A), exact=False)


def test_what_is_observed_of_a_node_is_no_wish() -> None:
    """The node controllers taint what is cordoned or silent, and take it back a while later."""

    def node(*taints: str) -> State:
        spec = {"taints": [{"key": key, "effect": "NoSchedule"} for key in taints]}
        meta = {"name": "n", "uid": "1"}
        raw = {"apiVersion": "v1", "kind": "Node", "metadata": meta}
        return State({"/Node/n": {**raw, "spec": spec if taints else {}}})

    observed = node("node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable")
    assert differences(node(), observed) == []
    assert differences(observed, node()) == []
    assert differences(node("dedicated"), node("dedicated", "node.kubernetes.io/not-ready")) == []
    assert differences(node(), node("dedicated"))


def test_what_cannot_be_taken_back_is_left_out() -> None:
    """As a fault's file says."""
    before = State({"ns/ConfigMap/c": WEB})
    assert not_as_it_was(before, State({}), [Place("ConfigMap/c")], "ns") == []
    assert not_as_it_was(before, State({}), [Place("ConfigMap/d")], "ns")


def test_volumes_are_put_back_after_who_holds_them() -> None:
    """A claim stays while a pod has it, a volume while a claim has it."""
    claim, job = "ns/PersistentVolumeClaim/c", "ns/StatefulSet/z"
    moved = [claim, job, KEY]
    assert in_order(moved, {KEY}) == [KEY, job, claim]


def test_what_a_file_accepts_is_left_out() -> None:
    """By name, with stars, and from its field downward."""
    items = [
        Difference("ns/Job/flood-29", "", "there", "gone"),
        Difference(KEY, "spec.replicas", 2, 0),
    ]
    assert but_for(items, [Place("Job/flood-*")], "ns") == items[1:]
    assert but_for(items, [Place("Deployment/web", "spec")], "ns") == items[:1]
    assert but_for(items, [Place("Deployment/web", "spec.template")], "ns") == items


def test_some_things_are_never_a_fix() -> None:
    """Whatever a file accepts."""
    assert _is_never_a_fix(Difference(KEY, "spec.replicas", 2, 0))
    assert _is_never_a_fix(Difference(KEY, "", "there", "gone"))
    assert _is_never_a_fix(Difference("ns/Widget/w", FINALIZERS, ["a"], None))
    assert _is_never_a_fix(Difference("ns/NetworkPolicy/p", "", "there", "gone"))
    assert not _is_never_a_fix(Difference(KEY, "spec.replicas", 2, 3))
    assert not _is_never_a_fix(Difference("ns/ConfigMap/c", "", "there", "gone"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@example({"x": [[0]]}, {"x": [[False]]})
@given(st.dictionaries(st.sampled_from(["x", "y"]), JSON), st.dictionaries(st.just("x"), JSON))
def test_no_difference_is_overlooked(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Two specs that are not equal never compare as equal, and equal ones always do."""
    found = differences(changed(spec=old), changed(spec=new))
    assert bool(found) == (_strict(old) != _strict(new))


def _strict(value: Any) -> str:
    import json

    return json.dumps(value, sort_keys=True)
