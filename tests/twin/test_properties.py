"""Whatever is done to a twin, and in whatever order, it stays consistent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import Target
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.ref import Ref
from tests.twin.stand import (
    IMAGE,
    SPACE,
    condition,
    deployment,
    endpoints,
    listed,
    ready,
    service,
    twin,
)

NAMES = ("web", "cart")
Act = Callable[[Twin], None]


def patch(kind: str, name: str, **spec: Any) -> Act:
    target = Target(kind=kind, namespace=SPACE, name=name, merge={"spec": spec})
    return lambda made: made.patch(target) and None


def remove(kind: str, name: str) -> Act:
    return lambda made: made.delete(Ref(kind, SPACE, name), uid="")


def remove_pod(number: int) -> Act:
    def act(made: Twin) -> None:
        found = listed(made, "Pod")
        if found:
            made.delete(Ref("Pod", SPACE, found[number % len(found)]["metadata"]["name"]), uid="")

    return act


def dry_run(name: str) -> Act:
    def act(made: Twin) -> None:
        before = state(made)
        for attempt in (
            lambda: made.create(deployment(name, image="other:1"), dry_run=True),
            lambda: made.replace(deployment(name, replicas=7), dry_run=True),
            lambda: made.delete(Ref("Deployment", SPACE, name), uid="", dry_run=True),
        ):
            try:
                attempt()
            except ClusterAnswer:
                pass
        assert state(made) == before

    return act


def state(made: Twin) -> str:
    kinds = (
        "Deployment",
        "ReplicaSet",
        "Pod",
        "Service",
        "EndpointSlice",
        "ResourceQuota",
        "Event",
    )
    return json.dumps([listed(made, kind, None) for kind in kinds])


names = st.sampled_from(NAMES)
acts: st.SearchStrategy[Act] = st.one_of(
    st.builds(
        lambda name, replicas, tag: (
            lambda made: made.apply(deployment(name, replicas, image=f"{IMAGE}:{tag}"))
        ),
        names,
        st.integers(0, 4),
        st.sampled_from(["1", "2", "none"]),
    ),
    st.builds(
        lambda name, number: patch("Deployment", name, replicas=number), names, st.integers(0, 5)
    ),
    st.builds(
        lambda name, strategy: patch("Deployment", name, strategy=strategy),
        names,
        st.sampled_from([{"type": "Recreate", "rollingUpdate": None}, {"type": "RollingUpdate"}]),
    ),
    st.builds(lambda name, paused: patch("Deployment", name, paused=paused), names, st.booleans()),
    st.builds(
        lambda name, to: patch("Service", name, selector={"app": to}),
        names,
        st.sampled_from([*NAMES, "nobody"]),
    ),
    st.builds(lambda name: lambda made: made.apply(service(name)), names),
    st.builds(remove, st.sampled_from(["Deployment", "Service"]), names),
    st.builds(remove_pod, st.integers(0, 20)),
    st.builds(dry_run, names),
    st.builds(
        lambda pods: (
            lambda made: made.apply(
                {
                    "kind": "ResourceQuota",
                    "metadata": {"name": "q", "namespace": SPACE},
                    "spec": {"hard": {"pods": str(pods)}},
                }
            )
        ),
        st.integers(0, 8),
    ),
)
waits = st.sampled_from([0.0, 0.03, 0.5, 2.0, 15.0])


def versions(made: Twin) -> dict[str, int]:
    kinds = ("Deployment", "ReplicaSet", "Pod", "Service", "EndpointSlice")
    return {
        item["metadata"]["uid"]: int(item["metadata"]["resourceVersion"])
        for kind in kinds
        for item in listed(made, kind)
    }


def play(script: list[tuple[Act, float]]) -> Twin:
    """Resource versions only rise meanwhile, and no two objects share one."""
    made = twin(deployment("web"), service("web"), run_s=5)
    seen: dict[str, int] = {}
    for act, wait in script:
        try:
            act(made)
        except ClusterAnswer:
            pass
        made.advance(wait)
        now = versions(made)
        assert all(now[uid] >= version for uid, version in seen.items() if uid in now)
        assert len(set(now.values())) == len(now)
        seen |= now
    return made


@given(st.lists(st.tuples(acts, waits), max_size=12))
@settings(max_examples=40)
def test_settled_twin_is_consistent(script: list[tuple[Act, float]]) -> None:
    """Once all is quiet: pods as wanted or a reason why not, endpoints equal the ready pods."""
    made = play(script)
    for item in listed(made, "Deployment"):
        name = item["metadata"]["name"]
        if item["spec"].get("paused"):
            made.patch(
                Target(
                    kind="Deployment", namespace=SPACE, name=name, merge={"spec": {"paused": False}}
                )
            )
    made.advance(1200)
    for item in listed(made, "ReplicaSet"):
        failed = condition(item, "ReplicaFailure")["status"] == "True"
        mine = [
            pod
            for pod in listed(made, "Pod")
            if pod["metadata"]["ownerReferences"][0]["uid"] == item["metadata"]["uid"]
        ]
        assert failed or len(mine) == item["spec"]["replicas"], item["metadata"]["name"]
        assert item["status"].get("replicas", 0) == len(mine)
    for found in listed(made, "Service"):
        app = found["spec"]["selector"]["app"]
        assert endpoints(made, found["metadata"]["name"]) == ready(made, app)
    for item in listed(made, "Deployment"):
        status = item["status"]
        assert status["observedGeneration"] == item["metadata"]["generation"]
        assert status.get("readyReplicas", 0) == len(ready(made, item["metadata"]["name"]))
    owners = {
        i["metadata"]["uid"]
        for kind in ("ReplicaSet", "Deployment", "Service")
        for i in listed(made, kind)
    }
    for kind in ("Pod", "ReplicaSet", "EndpointSlice"):
        for item in listed(made, kind):
            assert item["metadata"]["ownerReferences"][0]["uid"] in owners


@given(st.lists(st.tuples(acts, waits), max_size=8))
@settings(max_examples=10)
def test_play_is_deterministic(script: list[tuple[Act, float]]) -> None:
    """The same acts give the same bytes."""
    assert state(play(script)) == state(play(script))
