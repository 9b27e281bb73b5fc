"""What differs from a state that worked: real changes, never the server's own additions."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.cluster.twin.defaults import fill
from stratus_cli.kube.drift import drift, template_drift
from stratus_cli.kube.states import with_age
from stratus_cli.model.change import ABSENT
from tests.cases.loader import manifests

WRITTEN: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "app:1",
                        "env": [{"name": "PORT", "value": "8080"}],
                        "ports": [{"containerPort": 8080}],
                        "resources": {"limits": {"cpu": "1000m", "memory": "0.5Gi"}},
                        "readinessProbe": {"httpGet": {"port": 8080}},
                    }
                ],
                "volumes": [{"name": "c", "configMap": {"name": "c"}}, {"name": "t"}],
            },
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def live(written: dict[str, Any]) -> dict[str, Any]:
    """As the server would have it."""
    made = copy.deepcopy(written)
    fill(made)
    return made


@pytest.mark.parametrize("written", [WRITTEN, SERVICE], ids=["Deployment", "Service"])
def test_defaults_are_no_difference(written: dict[str, Any]) -> None:
    """Neither what the server fills in, nor how it writes a quantity."""
    now = live(written)
    assert drift(written, now, whole=False) == ()
    if "template" in now["spec"]:
        limits = now["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        limits |= {"cpu": "1", "memory": "512Mi"}
        assert drift(written, now, whole=False) == ()


@pytest.mark.parametrize("item", manifests("shop-healthy.yaml"), ids=lambda item: item["kind"])
def test_an_object_does_not_differ_from_itself(item: dict[str, Any]) -> None:
    """Whole or not, with other server metadata."""
    other = copy.deepcopy(item)
    other["metadata"] |= {"uid": "u-other", "resourceVersion": "7"}
    other["metadata"].setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = "now"
    assert drift(item, other, whole=True) == ()
    assert drift(item, other, whole=False) == ()


CHANGES: dict[str, tuple[str, Any]] = {
    "image": ("spec.template.spec.containers[name=web].image", "app:2"),
    "nodeSelector": ("spec.template.spec.nodeSelector", {"a": "b"}),
    "schedulerName": ("spec.template.spec.schedulerName", "nobody"),
    "runAsNonRoot": ("spec.template.spec.securityContext", {"runAsNonRoot": True}),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("whole", [True, False])
def test_each_change_is_seen_alone(name: str, whole: bool) -> None:
    """One change, one edit, whatever the source leaves out."""
    path, value = CHANGES[name]
    now = live(WRITTEN)
    spec = now["spec"]["template"]["spec"]
    last = path.rpartition(".")[2]
    (spec["containers"][0] if "containers" in path else spec)[last] = value
    good = live(WRITTEN) if whole else WRITTEN
    (edit,) = template_drift(good, now, whole=whole)
    assert edit.path == path
    assert edit.after == value


def test_what_was_taken_out_is_seen() -> None:
    """A variable that the good state has and the present one lacks."""
    now = live(WRITTEN)
    now["spec"]["template"]["spec"]["containers"][0]["env"] = []
    (edit,) = template_drift(WRITTEN, now, whole=False)
    assert edit.path == "spec.template.spec.containers[name=web].env"
    assert edit.after is ABSENT


def test_an_empty_selector_is_not_an_absent_one() -> None:
    """A NetworkPolicy with an empty podSelector selects every pod; without rules nothing passes."""
    good = {"kind": "NetworkPolicy", "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}
    now = {"kind": "NetworkPolicy", "spec": {"podSelector": {}}}
    assert drift(good, now, whole=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON, JSON, st.booleans())
def test_never_raises_and_never_differs_from_itself(one: Any, two: Any, whole: bool) -> None:
    """Objects from a cluster or a file are hostile data."""
    left, right = {"kind": "Thing", "spec": one}, {"kind": "Thing", "spec": two}
    drift(left, right, whole=whole)
    template_drift(left, right, whole=whole)
    assert drift(left, left, whole=whole) == ()


@pytest.mark.parametrize(
    ("age_s", "told"),
    [(None, "x"), (45.0, "x, 45 s ago"), (600.0, "x, 10 min ago"), (3 * 86400.0, "x, 3 days ago")],
)
def test_a_source_is_told_with_its_age(age_s: float | None, told: str) -> None:
    """In the unit that a person would use."""
    assert with_age("x", age_s) == told
