"""What a change takes with it on the real cluster: readers of a ConfigMap, and pods of an object
that is made anew. Judged by raw reads, and by what the pods themselves answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.graph import Graph
from stratus_cli.model.plan import Plan
from stratus_cli.model.report import TransactionReport
from tests.cluster.bed import Bed
from tests.cluster.objects import APP
from tests.proof import objects
from tests.proof.edits import Edit, Item
from tests.proof.ground import Ground, RealWorld
from tests.proof.health import unready
from tests.proof.state import State, unlike

WELL_WITHIN_S = 90.0
TEXT = '{"pool": {"size": 5},\n "debug": false}'


class Place:
    """A namespace of the bed with a few objects, and what is done there."""

    def __init__(self, bed: Bed, namespace: str, folder: Path) -> None:
        self.bed = bed
        self.ground = Ground(RealWorld(bed, namespace), folder)

    def apply(self, *items: Item) -> None:
        for item in items:
            text = json.dumps(item).replace("$APP", APP)
            place = {"namespace": self.ground.namespace}
            made = json.loads(text)
            self.ground.world.apply({**made, "metadata": {**made["metadata"], **place}})
        self.well()

    def well(self) -> None:
        items = self.ground.world.items
        self.ground.until(lambda: not unready(items), lambda: str(unready(items)), WELL_WITHIN_S)

    def plan(self, what: str, **fields: Any) -> Plan:
        """A merge patch."""
        space = self.ground.namespace
        line = f"kubectl -n {space} patch {what} --type=merge -p '{json.dumps(fields)}'"
        return self.typed(line)

    def typed(self, line: str) -> Plan:
        graph = Graph(self.ground.observe())
        made = plan_from_lines([line], self.ground.reading(), graph, self.ground.namespace)
        assert made.plan is not None, made.refusal
        return made.plan

    def do(self, plan: Plan, state: str = "COMMITTED") -> TransactionReport:
        with self.ground.ports() as ports:
            done = execute_plan(plan, ports, self.ground.observe)
        assert done.state.value == state, f"{done.state.value}: {done.why} {done.unrestored}"
        return done

    def take_back(self) -> TransactionReport:
        with self.ground.ports() as ports:
            report = undo(ports, Selector(last=True), accept_loss=True, observe=self.ground.observe)
        (done,) = report.transactions
        assert done.state.value == "COMMITTED", f"{done.state.value}: {done.why} {done.unrestored}"
        return done

    def state(self) -> State:
        return State.of(self.ground.world.items)

    def item(self, key: str) -> Item:
        kind, _, name = key.partition("/")
        found = self.ground.world.item(kind, name)
        assert found is not None, f"{key} is gone"
        return found

    def pods(self) -> dict[str, Item]:
        """By uid, those that are not on their way out."""
        found = self.ground.world.items("Pod")
        return {
            item["metadata"]["uid"]: item
            for item in found
            if "deletionTimestamp" not in item["metadata"]
        }

    def answers(self) -> set[str]:
        """The VERSION that the pods have."""
        space = self.ground.namespace
        names = [item["metadata"]["name"] for item in self.pods().values()]
        paths = [f"/api/v1/namespaces/{space}/pods/{name}:8080/proxy/" for name in names]
        return {self.bed.api("GET", path)["version"] for path in paths}


@pytest.fixture
def place(bed: Bed, tmp_path: Path) -> Iterator[Place]:
    with bed.namespace() as namespace:
        yield Place(bed, namespace, tmp_path)


def reader(name: str, key: str, kind: str = "Deployment") -> Item:
    """web, which reads one variable from the ConfigMap."""
    made = objects.workload(kind)
    source = {"configMapKeyRef": {"name": "settings", "key": key}}
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": name, "valueFrom": source}]
    return made


def kinds(plan: Plan) -> list[str]:
    return [step.change.ref.kind for step in plan.steps]


# Consumers


@pytest.mark.turn("consumers")
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_the_pods_run_the_new_value_and_then_the_old_one(place: Place, kind: str) -> None:
    place.apply(
        objects.config_map(VERSION="one"), objects.service(), reader("VERSION", "VERSION", kind)
    )
    before = place.state()
    assert place.answers() == {"one"}
    plan = place.plan("configmap/settings", data={"VERSION": "two"})
    assert kinds(plan) == ["ConfigMap", kind]
    place.do(plan)
    assert place.answers() == {"two"}
    done = place.take_back()
    assert "does not run" not in done.why
    place.well()
    assert place.answers() == {"one"}
    assert not unlike(before, place.state())


@pytest.mark.turn("broken consumers")
def test_a_value_that_breaks_its_readers_is_rolled_back_first(place: Place) -> None:
    """No pod of the restored template may start with the broken value."""
    place.apply(objects.config_map(PORT="8080"), objects.service(), reader("PORT", "PORT"))
    before = place.state()
    place.do(place.plan("configmap/settings", data={"PORT": "none"}), "UNDONE")
    place.well()
    assert not unlike(before, place.state())
    statuses = [one for pod in place.pods().values() for one in pod["status"]["containerStatuses"]]
    assert not any(status["restartCount"] for status in statuses)


# One field of a value


@pytest.mark.turn("left alone")
def test_an_undo_inside_a_value_keeps_what_others_wrote_beside_it(place: Place) -> None:
    place.apply(objects.config_map(**{"app.json": TEXT}))
    space = place.ground.namespace
    patch = [{"op": "replace", "path": "/data/app.json#/pool/size", "value": 9}]
    line = f"kubectl -n {space} patch configmap/settings --type=json -p '{json.dumps(patch)}'"
    place.do(place.typed(line))
    ours = TEXT.replace("5", "9")
    assert place.item("ConfigMap/settings")["data"]["app.json"] == ours
    theirs = Edit(("data", "app.json"), ours.replace("false", "true"))
    place.ground.edit("ConfigMap/settings", theirs)
    place.take_back()
    assert place.item("ConfigMap/settings")["data"]["app.json"] == TEXT.replace("false", "true")


# Made anew


def labelled(kind: str = "Deployment") -> Item:
    """web with two labels, of which its selector has one."""
    made = objects.workload(kind)
    made["spec"]["template"]["metadata"]["labels"] = {"app": "web", "group": "a"}
    return made


GROUP = {"spec": {"selector": {"matchLabels": {"app": None, "group": "a"}}}}
TIER = {"app": "web", "tier": "front"}
NARROW = {"spec": {"selector": {"matchLabels": TIER}, "template": {"metadata": {"labels": TIER}}}}


def anew(*keys: str) -> Callable[[State, State], list[str]]:
    """What differs beside the identity of these objects."""
    return lambda before, after: unlike(before, after, made_again=keys)


@pytest.mark.turn("adopted")
@pytest.mark.parametrize(
    ("made", "fields"),
    [
        (labelled(), GROUP),
        (labelled("DaemonSet"), GROUP),
        (labelled("StatefulSet"), {"spec": {"podManagementPolicy": "Parallel"}}),
    ],
    ids=["Deployment", "DaemonSet", "StatefulSet"],
)
def test_adopted_pods_never_stop(place: Place, made: Item, fields: Item) -> None:
    place.apply(objects.service(), made)
    key = f"{made['kind']}/web"
    before, running, uid = place.state(), set(place.pods()), place.item(key)["metadata"]["uid"]
    plan = place.plan(key.lower(), **fields)
    assert [step.change.operation for step in plan.steps] == ["delete", "create"]
    place.do(plan)
    assert place.item(key)["metadata"]["uid"] != uid
    assert set(place.pods()) == running
    place.take_back()
    place.well()
    assert set(place.pods()) == running
    assert not anew(key)(before, place.state())


@pytest.mark.turn("left alone")
def test_pods_that_are_left_alone_run_on_and_are_taken_again(place: Place) -> None:
    place.apply(objects.service(), labelled())
    before, running = place.state(), set(place.pods())
    place.do(place.plan("deployment/web", **NARROW))
    assert running < set(place.pods())
    place.take_back()
    place.ground.until(
        lambda: set(place.pods()) == running, lambda: str(set(place.pods())), WELL_WITHIN_S
    )
    place.well()
    assert not anew("Deployment/web")(before, place.state())
    (owned,) = place.ground.world.items("ReplicaSet")
    uid = place.item("Deployment/web")["metadata"]["uid"]
    assert [owner["uid"] for owner in owned["metadata"]["ownerReferences"]] == [uid]


@pytest.mark.turn("moved")
def test_replicas_moved_meanwhile_survive_the_way_back(place: Place) -> None:
    place.apply(objects.service(), labelled())
    before = place.state()
    place.do(place.plan("deployment/web", **GROUP))
    moved = Edit(("spec", "replicas"), 3)
    place.ground.edit("Deployment/web", moved)
    place.take_back()
    place.well()
    wanted = before.with_edits("Deployment/web", moved)
    assert not anew("Deployment/web")(wanted, place.state())


@pytest.mark.turn("moved")
def test_a_service_comes_back_with_its_address(place: Place) -> None:
    place.apply(objects.service(), labelled())
    before, address = place.state(), place.item("Service/web")["spec"]["clusterIP"]
    place.do(place.plan("service/web", spec={"clusterIP": "None"}))
    assert place.item("Service/web")["spec"]["clusterIP"] == "None"
    place.take_back()
    place.well()
    assert place.item("Service/web")["spec"]["clusterIP"] == address
    assert not anew("Service/web")(before, place.state())
