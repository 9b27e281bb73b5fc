"""kubectl drain: what is evicted, what is refused, and that the node comes back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.planfile import dump, load
from stratus_cli.flow.reader import PlanReader
from stratus_cli.model.change import EVICTION, Reversibility
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref
from tests.actions.lifecycle import (
    done,
    everything,
    planned,
    refused,
    stand_of,
    undone,
)
from tests.actions.test_kubectl import Shelf
from tests.actions.test_limits import JUNK, places, put
from tests.actions.test_limits import NODE as NODE_ITEM
from tests.fakes.faulty import FaultyCluster
from tests.flow.stand import Stand
from tests.flow.worlds import app, world
from tests.twin.test_disruption import budget, pods

Item = dict[str, Any]
NODE = Ref("Node", "", "node1", "v1")


def with_owner(kind: str, **pod: Any) -> Item:
    """A running pod on node1 that nothing of the twin looks after."""
    meta: Item = {"name": "lone", "namespace": "shop", "uid": "u-lone"}
    if kind:
        owner = {"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": "u-x"}
        meta["ownerReferences"] = [{**owner, "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**meta, **pod.pop("metadata", {})},
        "spec": {
            "nodeName": "node1",
            "containers": [{"name": "a", "image": "stratus/app:1"}],
            **pod.pop("spec", {}),
        },
        "status": {"phase": "Running", "conditions": [], **pod},
    }


def shop(folder: Path, *more: Item, replicas: int = 3, nodes: int = 2) -> Stand:
    """web over two nodes."""
    return stand_of(folder, world([*app("web", replicas=replicas), *more], nodes=nodes))


def on_node(stand: Stand) -> set[str]:
    return {
        item["metadata"]["name"]
        for item in stand.twin.peek("Pod")
        if item["spec"].get("nodeName") == "node1" and "deletionTimestamp" not in item["metadata"]
    }


def test_a_drain_is_a_cordon_and_an_eviction_a_pod(tmp_path: Path) -> None:
    stand = shop(tmp_path)
    names = sorted(on_node(stand))
    plan = planned(stand, "kubectl drain node1").plan
    assert plan is not None
    first, *rest = plan.steps
    assert first.change.after is not None
    assert first.change.after["spec"]["unschedulable"] is True
    assert [step.change.ref.name for step in rest] == names
    assert names
    for step in rest:
        assert step.change.via == EVICTION
        assert step.change.reversibility is Reversibility.COMPENSABLE
        assert step.confirmed
        assert not isinstance(parse_line(step.kubectl, "shop"), Refusal)


@pytest.mark.parametrize(
    ("verb", "told"),
    [("evict", "you may not evict shop/Pod/web-"), ("create", ""), ("delete", "")],
)
def test_who_may_drain(tmp_path: Path, verb: str, told: str) -> None:
    """Whoever may evict: neither deletions nor creations of pods are made."""
    stand = shop(tmp_path)

    class Denied(FaultyCluster):
        def allowed(self, asked: str, ref: Ref) -> bool | None:
            return asked != verb or ref.kind != "Pod"

    plan = planned(stand, "kubectl drain node1").plan
    assert plan is not None
    stand.cluster = Denied(stand.twin)
    if told:
        assert told in refused(stand, "kubectl drain node1")
    with stand.ports() as ports:
        report = execute_plan(plan, ports, stand.observe)
    wanted = TransactionState.BLOCKED if told else TransactionState.COMMITTED
    assert report.state is wanted, report.why
    assert told in report.why


def test_a_plan_file_still_says_that_pods_are_evicted(tmp_path: Path) -> None:
    plan = planned(shop(tmp_path), "kubectl drain node1").plan
    assert plan is not None
    again = load(dump(plan))
    assert [step.change.via for step in again.steps] == [step.change.via for step in plan.steps]
    assert again.steps[-1].change.via == EVICTION


def test_a_drained_node_is_empty_and_its_undo_uncordons_it(tmp_path: Path) -> None:
    stand = shop(tmp_path)
    before = everything(stand)
    assert on_node(stand)
    done(stand, "kubectl drain node1 --ignore-daemonsets")
    assert not on_node(stand)
    assert len(pods(stand.twin)) == 3
    undone(stand)
    assert everything(stand) == before


def test_a_cordoned_empty_node_has_nothing_to_drain(tmp_path: Path) -> None:
    stand = shop(tmp_path)
    done(stand, "kubectl drain node1")
    stand.cluster.writes = 0
    assert "no pod to evict" in refused(stand, "kubectl drain node1")


def test_a_budget_without_room_refuses_and_is_named(tmp_path: Path) -> None:
    stand = shop(tmp_path, budget(minAvailable=3))
    assert "PodDisruptionBudget shop/web allows 0" in refused(stand, "kubectl drain node1")


def test_the_evictions_of_one_drain_are_counted_together(tmp_path: Path) -> None:
    """Each dry run by itself would pass."""
    stand = shop(tmp_path, budget(minAvailable=3), replicas=4, nodes=1)
    told = refused(stand, "kubectl drain node1")
    assert "allows 1 evictions now, and this needs 4" in told


def test_a_budget_that_is_used_up_meanwhile_stops_the_drain_and_all_is_put_back(
    tmp_path: Path,
) -> None:
    """The eviction is refused with 429 at the write: the cordon goes again."""
    stand = shop(tmp_path, budget(minAvailable=1))
    before = everything(stand)
    plan = planned(stand, "kubectl drain node1").plan
    assert plan is not None

    def tighten(ref: Ref) -> None:
        if ref.kind != "Pod":
            return
        item = stand.twin.get(Ref("PodDisruptionBudget", "shop", "web", "policy/v1"))
        assert item is not None
        item["spec"]["minAvailable"] = 3
        stand.twin.replace(item)
        stand.twin.advance(1)

    stand.cluster.before_write = tighten
    with stand.ports() as ports:
        report = execute_plan(plan, ports, stand.observe)
    assert report.state is TransactionState.UNDONE, report.why
    assert "disruption budget" in report.why
    now = everything(stand)
    assert now["Node//node1"] == before["Node//node1"]
    assert len(pods(stand.twin)) == 3


@pytest.mark.parametrize(
    ("pod", "line", "told"),
    [
        (with_owner(""), "kubectl drain node1", "nothing would make shop/Pod/lone again"),
        (with_owner("DaemonSet"), "kubectl drain node1", "--ignore-daemonsets"),
        (
            with_owner("ReplicaSet", spec={"volumes": [{"name": "tmp", "emptyDir": {}}]}),
            "kubectl drain node1 --ignore-daemonsets",
            "the data in emptyDir tmp of shop/Pod/lone would be lost; add --delete-emptydir-data",
        ),
    ],
)
def test_what_would_be_lost_is_refused(tmp_path: Path, pod: Item, line: str, told: str) -> None:
    stand = shop(tmp_path)
    stand.twin.load([pod])
    assert told in refused(stand, line)


@pytest.mark.parametrize(
    "pod",
    [
        with_owner("DaemonSet"),
        with_owner("", metadata={"annotations": {"kubernetes.io/config.mirror": "x"}}),
        with_owner("", phase="Succeeded"),
    ],
)
def test_what_stays(tmp_path: Path, pod: Item) -> None:
    """Pods of DaemonSets, mirrors of static pods, finished ones."""
    stand = shop(tmp_path)
    stand.twin.load([pod])
    plan = planned(stand, "kubectl drain node1 --ignore-daemonsets").plan
    assert plan is not None
    assert "lone" not in {step.change.ref.name for step in plan.steps}


def test_emptydir_data_may_be_given_up(tmp_path: Path) -> None:
    stand = shop(tmp_path)
    stand.twin.load([with_owner("ReplicaSet", spec={"volumes": [{"name": "t", "emptyDir": {}}]})])
    plan = planned(stand, "kubectl drain node1 --delete-emptydir-data").plan
    assert plan is not None
    assert "lone" in {step.change.ref.name for step in plan.steps}
    assert all("--delete-emptydir-data" in step.kubectl for step in plan.steps[1:])


def test_more_pods_than_writes_are_refused(tmp_path: Path) -> None:
    stand = shop(tmp_path, replicas=30, nodes=1)
    assert "31 writes are more than 20" in refused(stand, "kubectl drain node1")


def test_a_delete_of_a_pod_stays_a_delete(tmp_path: Path) -> None:
    stand = shop(tmp_path, budget(minAvailable=3))
    name = min(on_node(stand))
    plan = planned(stand, f"kubectl delete pod {name}").plan
    assert plan is not None
    assert plan.steps[0].change.via == ""
    with pytest.raises(ClusterAnswer):
        stand.twin.delete(Ref("Pod", "shop", name, "v1"), uid="", evict=True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kubectl drain node1 --force", "always graceful"),
        ("kubectl drain node1 --disable-eviction", "PodDisruptionBudgets are respected"),
        ("kubectl drain node1 --grace-period=0", "always graceful"),
        ("kubectl drain --selector=a=b", "every object is named"),
        ("kubectl drain", "no node is named"),
        ("kubectl drain deploy/web", "is no node"),
        ("kubectl evict web-1", "not in the grammar"),
    ],
)
def test_what_the_grammar_refuses(line: str, told: str) -> None:
    found = parse_line(line, "shop")
    assert isinstance(found, Refusal)
    assert told in found.reason


def test_several_nodes_are_several_drains(tmp_path: Path) -> None:
    """The second sees what the first leaves."""
    found = parse_line("kubectl drain node1 node/node2", "shop")
    assert not isinstance(found, Refusal)
    assert len(found) == 2
    stand = shop(tmp_path)
    reading = stand.reading()
    made = found[0].prepare(PlanReader(reading.cluster, reading.clock))
    assert not isinstance(made, Refusal)
    assert made[0].change.ref.name == NODE.name


GUARDED: Item = with_owner(
    "ReplicaSet",
    metadata={"labels": {"app": "web"}},
    spec={"nodeName": "n1", "volumes": [{"name": "c", "configMap": {"name": "x"}}]},
    conditions=[{"type": "Ready", "status": "True"}],
)
COUNTED: Item = {
    **budget(minAvailable=1, unhealthyPodEvictionPolicy="IfHealthyBudget"),
    "status": {
        "observedGeneration": 1,
        "disruptionsAllowed": 1,
        "currentHealthy": 2,
        "desiredHealthy": 1,
    },
}


@given(data=st.data())
def test_strange_pods_and_budgets_are_refused_and_never_a_crash(data: st.DataObject) -> None:
    """Of what is read; and an eviction is never planned of what nothing would make again."""
    items = [copy.deepcopy(item) for item in (NODE_ITEM, GUARDED, COUNTED)]
    for item in items:
        for path in data.draw(st.lists(st.sampled_from(places(item)), max_size=3)):
            if path[-1] not in ("kind", "metadata", "name", "namespace"):
                put(item, path, data.draw(JUNK))
    found = parse_line("kubectl drain n1", "shop")
    assert not isinstance(found, Refusal)
    made = found[0].prepare(Shelf(*items))
    for step in () if isinstance(made, Refusal) else made:
        if step.change.ref.kind == "Pod":
            owners = (step.change.before or {})["metadata"]["ownerReferences"]
            assert any(owner.get("controller") for owner in owners)


@given(
    allowed=st.integers(-1, 4),
    observed=st.integers(0, 2),
    ready=st.lists(st.booleans(), min_size=1, max_size=4),
    always=st.booleans(),
)
def test_no_drain_needs_more_than_its_budget_allows(
    allowed: int, observed: int, ready: list[bool], always: bool
) -> None:
    """Counted by the test's own words: ready pods, and unready ones unless they may always go."""
    pods_there = []
    for number, is_ready in enumerate(ready):
        pod = copy.deepcopy(GUARDED)
        pod["metadata"] |= {"name": f"p{number}", "uid": f"u{number}"}
        pod["spec"]["nodeName"] = "n1"
        pod["status"]["conditions"] = [{"type": "Ready", "status": str(is_ready)}]
        pods_there.append(pod)
    policy = "AlwaysAllow" if always else "IfHealthyBudget"
    counted = budget(minAvailable=1, unhealthyPodEvictionPolicy=policy)
    counted["metadata"]["generation"] = 1
    counted["status"] = {
        "observedGeneration": observed,
        "disruptionsAllowed": allowed,
        "currentHealthy": 0,
        "desiredHealthy": 1,
    }
    found = parse_line("kubectl drain n1", "shop")
    assert not isinstance(found, Refusal)
    made = found[0].prepare(Shelf(NODE_ITEM, counted, *pods_there))
    needed = sum(is_ready or not always for is_ready in ready)
    room = max(0, allowed) if observed >= 1 else 0
    assert isinstance(made, Refusal) == (needed > room)
