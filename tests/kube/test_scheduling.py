"""What the scheduler's filters say about a snapshot holds when the reason is taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.affinity import APART, PREFERRED, REQUIRED, softened
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.node_match import tolerates
from stratus_cli.kube.pod_needs import affinity_of, requests_of
from stratus_cli.kube.scheduling import Blocker, Placement, Why
from stratus_cli.model.objects import Condition
from stratus_cli.model.objects_pod import Pod, PodSpec, Toleration
from stratus_cli.model.objects_scheduling import Taint
from stratus_cli.model.snapshot import Scope
from tests.cases.loader import manifests, snapshot

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "nodeAffinity",
                    "podAntiAffinity",
                    "requiredDuringSchedulingIgnoredDuringExecution",
                    "nodeSelectorTerms",
                    "matchExpressions",
                    "labelSelector",
                    "topologyKey",
                    "key",
                    "operator",
                    "values",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KEYS = st.sampled_from(["a", "b", "node.kubernetes.io/not-ready"])
EFFECTS = st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"])
TAINTS = st.lists(
    st.fixed_dictionaries({"key": KEYS, "value": st.sampled_from(["", "x"]), "effect": EFFECTS}),
    max_size=3,
)
TOLERATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["", "a", "b"]),
            "operator": st.sampled_from(["Equal", "Exists", ""]),
            "value": st.sampled_from(["", "x"]),
            "effect": st.sampled_from(["", "NoSchedule", "NoExecute"]),
        }
    ),
    max_size=2,
)
PENDING: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "late", "namespace": "shop", "uid": "u-late", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "resources": {"requests": {"memory": "1Gi"}}}]},
    "status": {"phase": "Pending"},
}
KEPT_APART = {
    "requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    ]
}


def placed(spec: dict[str, Any], *node_specs: dict[str, Any]) -> tuple[Placement, Pod]:
    """The well shop with one more pod of this spec, and its nodes with these specs."""
    items = [
        msgspec.json.decode(msgspec.json.encode(item)) for item in manifests("shop-healthy.yaml")
    ]
    nodes = [item for item in items if item["kind"] == "Node"]
    for node, more in zip(nodes, node_specs, strict=False):
        node["spec"] = more
    items.append({**PENDING, "spec": {**PENDING["spec"], **spec}})
    snap = snapshot(items)
    pod = snap.get(Pod, "shop", "late")
    assert pod is not None
    return Placement(Graph(snap)), pod


def all_of(why: Why) -> Any:  # a predicate
    """Blockers of one kind."""
    return lambda _, item: item.why is why


@given(JSON, JSON)
def test_hostile_affinity_never_raises(affinity: Any, constraint: Any) -> None:
    """Whatever stands in a pod's affinity, the filters answer."""
    spec = {
        "affinity": affinity if isinstance(affinity, dict) else {"podAffinity": affinity},
        "topologySpreadConstraints": [{"topologyKey": "zone", "labelSelector": constraint}],
    }
    place, pod = placed(spec)
    assert set(place.blockers(pod)) == {"node1", "node2"}
    affinity_of(pod.spec)


@given(TAINTS, TAINTS, TOLERATIONS, st.booleans())
def test_a_freed_node_takes_the_pod_without_its_taints(
    first: list[dict[str, str]],
    second: list[dict[str, str]],
    tolerations: list[dict[str, str]],
    cordoned: bool,  # a dimension of the search
) -> None:
    """A node said to be kept by its taints alone has no blocker left once they are gone."""
    spec = {"tolerations": tolerations}
    nodes: list[dict[str, Any]] = [{"taints": first, "unschedulable": cordoned}, {"taints": second}]
    place, pod = placed(spec, *nodes)
    for node in place.freed(pod, all_of(Why.TAINT)):
        index = ("node1", "node2").index(node.metadata.name)
        cured = [dict(item) for item in nodes]
        own = {"node.kubernetes.io/not-ready"}
        cured[index]["taints"] = [item for item in nodes[index]["taints"] if item["key"] in own]
        again, same = placed(spec, *cured)
        assert again.blockers(same)[node.metadata.name] == ()


@given(TAINTS, TOLERATIONS)
def test_tolerating_everything_tolerates_each(
    taints: list[dict[str, str]], tolerations: list[dict[str, str]]
) -> None:
    """One more toleration never makes a taint untolerated, and `Exists` alone is for all."""
    found = msgspec.convert(tolerations, tuple[Toleration, ...])
    some = PodSpec(tolerations=found)
    every = PodSpec(tolerations=(*found, Toleration(operator="Exists")))
    for taint in msgspec.convert(taints, tuple[Taint, ...]):
        assert tolerates(every, taint)
        assert tolerates(every, taint) >= tolerates(some, taint)


def test_a_well_cluster_takes_the_pod() -> None:
    """Nothing is said against nodes that would take it."""
    place, pod = placed({})
    assert place.blockers(pod) == {"node1": (), "node2": ()}
    assert place.freed(pod, lambda *_: True) == ()


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"nodeSelector": {"disk": "fast"}}, Blocker(Why.NODE_SELECTOR)),
        ({"nodeName": "node9"}, Blocker(Why.NODE_NAME, "node9")),
        (
            {"affinity": {"podAntiAffinity": KEPT_APART}},
            Blocker(Why.ANTI_AFFINITY, "kubernetes.io/hostname"),
        ),
        (
            {"containers": [{"name": "web", "resources": {"limits": {"memory": "9Gi"}}}]},
            Blocker(Why.TOO_BIG, "memory"),
        ),
        (
            {"initContainers": [{"name": "i", "resources": {"requests": {"cpu": "1999m"}}}]},
            Blocker(Why.FULL, "cpu"),
        ),
    ],
)
def test_each_filter(spec: dict[str, Any], found: Blocker) -> None:
    """One reason at a time, on both nodes."""
    place, pod = placed(spec)
    assert place.blockers(pod) == {"node1": (found,), "node2": (found,)}


def test_what_keeps_others_away_counts() -> None:
    """Placed pods that must not meet this one keep it off their nodes (symmetry)."""
    place, pod = placed({})
    spread = {"affinity": {"podAntiAffinity": KEPT_APART}}
    items = [item for item in place.graph.snap.of(Pod) if item is not pod]
    repelling = msgspec.convert(spread, PodSpec)
    moved = tuple(
        msgspec.structs.replace(
            item, spec=msgspec.structs.replace(item.spec, affinity=repelling.affinity)
        )
        for item in items
    )
    snap = place.graph.snap
    objects = {**snap.objects, "Pod": (*moved, pod)}
    again = Placement(Graph(type(snap)(snap.taken_at, snap.cluster, objects)))
    assert {item.why for found in again.blockers(pod).values() for item in found} == {
        Why.ANTI_AFFINITY
    }


@pytest.mark.parametrize(
    ("app", "found"),
    [("web", ()), ("nobody", (Blocker(Why.POD_AFFINITY, "kubernetes.io/hostname"),)), ("late", ())],
)
def test_pods_that_must_be_together(app: str, found: tuple[Blocker, ...]) -> None:
    """Where the others are; nowhere when there are none; anywhere for the first of its own."""
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": [app]}]},
    }
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    place, pod = placed({"affinity": {"podAffinity": rule}})
    if app == "late":
        meta = msgspec.structs.replace(pod.metadata, labels={"app": "late"}, uid="u-other")
        pod = msgspec.structs.replace(pod, metadata=meta)
    assert place.blockers(pod) == {"node1": found, "node2": found}


def test_requests_are_the_larger_of_init_and_containers() -> None:
    """An init container counts alone, a sidecar with the others."""
    spec = msgspec.convert(
        {
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "100m"}}}],
            "initContainers": [
                {"name": "i", "resources": {"requests": {"cpu": "300m"}}},
                {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
            ],
        },
        PodSpec,
    )
    assert requests_of(spec)["cpu"] == msgspec.convert("1.3", type(requests_of(spec)["pods"]))


@pytest.mark.parametrize(("asked", "freed"), [(("shop",), ["node2"]), ((), [])])
def test_what_was_not_asked_for_may_fill_a_node(asked: tuple[str, ...], freed: list[str]) -> None:
    """In a narrow scope the scheduler is believed that a node which looks empty is full."""
    place, pod = placed({}, {}, {"unschedulable": True})
    says = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable."
    pending = msgspec.structs.replace(
        pod,
        status=msgspec.structs.replace(
            pod.status,
            conditions=(Condition(type="PodScheduled", status="False", message=says),),
        ),
    )
    snap = replace(place.graph.snap, scope=Scope(asked))
    again = Placement(Graph(snap))
    nodes = again.freed(pending, all_of(Why.CORDON))
    assert [node.metadata.name for node in nodes] == freed


@given(JSON, JSON)
def test_softening_keeps_everything_else(preferred: Any, other: Any) -> None:
    """Whatever stands beside the requirement, only it becomes a preference."""
    term = {"topologyKey": "zone"}
    spec = PodSpec(
        affinity={APART: {REQUIRED: [term], PREFERRED: preferred}, "nodeAffinity": other}
    )
    made = softened(spec)
    assert made["nodeAffinity"] == other
    assert REQUIRED not in made[APART]
    assert made[APART][PREFERRED][-1] == {"weight": 100, "podAffinityTerm": term}
    assert spec.affinity[APART][REQUIRED] == [term]
