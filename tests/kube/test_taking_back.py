"""Taking back beside other writers, orders that mean something, and keys that are numbers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.diff import apply_edits, diff
from stratus_cli.kube.merge import json_patch, strategic
from stratus_cli.kube.paths import with_value
from stratus_cli.kube.three_way import take_back

Item = dict[str, Any]


def pod_spec(**spec: Any) -> Item:
    """A Deployment with this pod spec."""
    return {"kind": "Deployment", "metadata": {"name": "w"}, "spec": {"template": {"spec": spec}}}


marks = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), min_size=1, max_size=3)


@given(ours=marks, theirs=marks)
def test_the_first_annotation_is_ours_and_the_second_is_theirs(ours: Item, theirs: Item) -> None:
    """We added the annotations, they added more: ours go, theirs stay, changed ones clash."""
    before: Item = {"kind": "Deployment", "metadata": {"name": "w"}}
    after: Item = {"kind": "Deployment", "metadata": {"name": "w", "annotations": ours}}
    live = copy.deepcopy(after)
    live["metadata"]["annotations"] |= theirs
    back = take_back(before, after, live)
    left = back.wanted["metadata"].get("annotations") or {}
    assert left == {key: value for key, value in theirs.items() if ours.get(key) != value}
    clashing = {key for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]}
    assert {clash.path for clash in back.conflicts} == {
        f"metadata.annotations.{key}" for key in clashing
    }


def test_a_probe_that_we_added_and_others_changed_is_one_thing() -> None:
    """Half a probe is no probe: it clashes as a whole and is left alone."""
    probe = {"httpGet": {"port": 1}, "periodSeconds": 5}
    before = pod_spec(containers=[{"name": "c"}])
    after = pod_spec(containers=[{"name": "c", "readinessProbe": probe}])
    live = pod_spec(containers=[{"name": "c", "readinessProbe": probe | {"periodSeconds": 9}}])
    back = take_back(before, after, live)
    assert [clash.path for clash in back.conflicts] == [
        "spec.template.spec.containers[name=c].readinessProbe"
    ]
    assert back.wanted == live


def test_what_others_appended_stays_behind_what_was_there() -> None:
    """A variable of theirs still sees the ones before it; ours goes back to its place."""
    env = {name: {"name": name, "value": "1"} for name in ("A", "B", "C", "THEIRS")}

    def item(*names: str) -> Item:
        return pod_spec(containers=[{"name": "c", "env": [env[name] for name in names]}])

    for after, wanted in (
        ("BC", ("A", "B", "C", "THEIRS")),
        ("AC", ("A", "B", "C", "THEIRS")),
        ("C", ("A", "B", "C", "THEIRS")),
        ("AB", ("A", "B", "C", "THEIRS")),
    ):
        back = take_back(item(*"ABC"), item(*after), item(*after, "THEIRS"))
        assert back.wanted == item(*wanted)
        assert not back.conflicts


def test_a_clash_names_all_three_values() -> None:
    """What it was, what we made it, what it is now."""
    before, after, live = (
        {"kind": "ConfigMap", "data": {"a": value}} for value in ("old", "ours", "theirs")
    )
    (clash,) = take_back(before, after, live).conflicts
    assert (clash.path, clash.before, clash.after, clash.live) == (
        "data.a", "old", "ours", "theirs",
    )  # fmt: skip
    assert take_back(before, after, live, force=True).wanted == before


@given(
    st.lists(st.sampled_from("abcde"), unique=True), st.lists(st.sampled_from("abcde"), unique=True)
)
@pytest.mark.parametrize("name", ["initContainers", "env"])
def test_an_order_that_means_something_comes_back(
    name: str, old: list[str], new: list[str]
) -> None:
    """Init containers run in order, and a variable sees only those before it."""

    def with_names(names: list[str]) -> Item:
        elements = [{"name": item} for item in names]
        if name == "initContainers":
            return pod_spec(initContainers=elements)
        return pod_spec(containers=[{"name": "c", "env": elements}])

    before, after = with_names(old), with_names(new)
    assert apply_edits(before, diff(before, after)) == after
    assert take_back(before, after, after).wanted == before


def test_a_port_in_a_path_is_a_number() -> None:
    """The API refuses port "80"."""
    made = with_value({}, "spec.ports[port=80,protocol=TCP].targetPort", 8080)
    assert made == {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]}}


def test_an_empty_path_names_no_field() -> None:
    """It is an error, not the whole object."""
    with pytest.raises(ValueError, match="empty path"):
        with_value({}, "", 1)


STRATEGY = {
    "kind": "Deployment",
    "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
}


def test_retain_keys_removes_the_other_member_of_a_union() -> None:
    """The example of the Kubernetes documentation: Recreate leaves no rollingUpdate."""
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic(STRATEGY, patch, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_without_retain_keys_both_members_stay_as_in_the_api() -> None:
    """What the server refuses must be seen before it is sent."""
    made = strategic(STRATEGY, {"spec": {"strategy": {"type": "Recreate"}}}, "Deployment")
    assert made["spec"]["strategy"] == {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}
    probed = pod_spec(containers=[{"name": "c", "readinessProbe": {"tcpSocket": {"port": 1}}}])
    patch = pod_spec(containers=[{"name": "c", "readinessProbe": {"httpGet": {"port": 2}}}])
    made = strategic(probed, patch, "Deployment")
    probe = made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    assert probe == {"tcpSocket": {"port": 1}, "httpGet": {"port": 2}}


def test_the_documented_strategic_merges() -> None:
    """Containers merge by name, tolerations are replaced (Kubernetes, "Update API Objects")."""
    item = pod_spec(containers=[{"name": "a", "image": "nginx"}], tolerations=[{"key": "x"}])
    patch = pod_spec(containers=[{"name": "b", "image": "redis"}], tolerations=[{"key": "y"}])
    made = strategic(item, patch, "Deployment")["spec"]["template"]["spec"]
    assert made["containers"] == [
        {"name": "b", "image": "redis"},  # what is new comes first
        {"name": "a", "image": "nginx"},
    ]
    assert made["tolerations"] == [{"key": "y"}]
    item = {"kind": "ConfigMap", "metadata": {"finalizers": ["a", "b"]}}
    gone = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic(item, gone, "ConfigMap")["metadata"]["finalizers"] == ["b"]
    replaced = pod_spec(containers=[{"$patch": "replace"}, {"name": "z"}])
    made = strategic(pod_spec(containers=[{"name": "a"}]), replaced, "Deployment")
    assert made["spec"]["template"]["spec"]["containers"] == [{"name": "z"}]


@pytest.mark.parametrize(
    "patch",
    [
        {"metadata": {"$retainKeys": 1}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": None}},
        {"spec": {"containers": ["x"]}},
        {"spec": {"containers": [{"image": "x"}]}},
    ],
)
def test_a_patch_that_does_not_fit_is_an_error_of_one_kind(patch: Item) -> None:
    """Never a TypeError from deep inside."""
    with pytest.raises(ValueError, match=r"\w"):
        strategic({"kind": "Pod", "metadata": {}, "spec": {}}, patch, "Pod")


def test_a_json_patch_test_tells_true_from_one() -> None:
    """JSON has both."""
    with pytest.raises(ValueError, match="test"):
        json_patch({"a": True}, [{"op": "test", "path": "/a", "value": 1}])
