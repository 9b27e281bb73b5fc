"""Who reads a changed ConfigMap: restarted by the plan, and back in order by its inverse."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.actions.restart import MARK
from stratus_cli.flow.inverse import Written
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.old_value import is_rolled_out
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.flow.way_back import way_back
from stratus_cli.kube.config_readers import CONFIGS, ways_of_reading
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Policy
from stratus_cli.model.ref import Ref
from tests.flow.stand import Stand
from tests.flow.worlds import app, world

Item = dict[str, Any]
SETTINGS = Ref("ConfigMap", "shop", "settings", "v1")
CART = Ref("Deployment", "shop", "cart", "apps/v1")
BY_ENV = {
    "env": [{"name": "STATUS", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}]
}
BY_ENV_FROM = {"envFrom": [{"configMapRef": {"name": "settings"}}]}
VOLUMES = [{"name": "conf", "configMap": {"name": "settings"}}]
ITEMS = [
    {"name": "conf", "configMap": {"name": "settings", "items": [{"key": "a", "path": "x/y"}]}}
]
PROJECTED = [{"name": "conf", "projected": {"sources": [{"configMap": {"name": "settings"}}]}}]


def mount(**more: str) -> Item:
    return {"volumeMounts": [{"name": "conf", "mountPath": "/etc/conf", **more}]}


def set_key(key: str = "a", value: str = "201") -> str:
    patch = json.dumps({"data": {key: value}})
    return f"kubectl -n shop patch configmap/settings --type=merge -p '{patch}'"


def stand_of(
    folder: Path,
    container: Item | None = None,
    volumes: Iterable[Item] = (),
    *,
    data: Item | None = None,
    **fields: Any,
) -> Stand:
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"},
        "data": {"a": "200", "b": "1"} if data is None else data,
    }
    cart = app("cart", container=container, pod={"volumes": list(volumes)}, **fields)
    return Stand.make(folder, world([settings, *cart, *app("catalog")]))


def plan_of(stand: Stand, *lines: str) -> Plan:
    graph = stand.look().detection.graph
    made = plan_from_lines(lines, stand.reading(), graph, "shop")
    assert made.plan is not None, made.refusal
    return made.plan


def changed(plan: Plan) -> list[str]:
    return [step.change.ref.short for step in plan.steps]


@pytest.mark.parametrize(
    ("container", "volumes"),
    [
        (BY_ENV, ()),
        (BY_ENV_FROM, ()),
        (mount(subPath="a"), VOLUMES),
        (mount(subPath="x/y"), ITEMS),
        (mount(subPath="a"), PROJECTED),
        (mount(subPathExpr="$(FILE)"), VOLUMES),
    ],
    ids=["env", "envFrom", "subPath", "items", "projected", "subPathExpr"],
)
def test_what_reads_only_at_its_start_is_restarted(
    tmp_path: Path, container: Item, volumes: list[Item]
) -> None:
    plan = plan_of(stand_of(tmp_path, container, volumes), set_key())
    assert changed(plan) == ["ConfigMap/settings", "Deployment/cart"]
    assert plan.steps[1].kubectl == "kubectl -n shop rollout restart deployment/cart"
    assert any("Deployment/cart reads" in note and "restarted" in note for note in plan.notes)


def test_readers_of_a_secret_are_restarted_too(tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "shop"},
        "data": {"a": "MjAw"},
    }
    by_env = {
        "env": [{"name": "STATUS", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}}]
    }
    stand = Stand.make(tmp_path, world([secret, *app("cart", container=by_env)]))
    patch = json.dumps({"stringData": {"a": "201"}})
    plan = plan_of(stand, f"kubectl -n shop patch secret/keys --type=merge -p '{patch}'")
    assert changed(plan)[-2:] == ["Secret/keys", "Deployment/cart"]


def test_what_reads_another_key_is_left_alone(tmp_path: Path) -> None:
    """Of one volume by subPath, and of one variable."""
    for container, volumes in ((BY_ENV, ()), (mount(subPath="a"), VOLUMES)):
        plan = plan_of(stand_of(tmp_path, container, volumes), set_key("b"))
        assert changed(plan) == ["ConfigMap/settings"]


def test_a_label_is_no_value(tmp_path: Path) -> None:
    plan = plan_of(stand_of(tmp_path, BY_ENV), "kubectl -n shop label configmap/settings a=b")
    assert changed(plan) == ["ConfigMap/settings"]


def test_a_mounted_volume_updates_by_itself_and_fast_does_not_wait(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, mount(), VOLUMES)
    plan = plan_of(stand, set_key())
    assert changed(plan) == ["ConfigMap/settings"]
    assert any("by itself within 120 s" in note for note in plan.notes)
    stand.policy = Policy(fast=True)
    assert changed(plan_of(stand, set_key())) == ["ConfigMap/settings", "Deployment/cart"]


def test_a_template_that_the_plan_changes_later_needs_no_restart(tmp_path: Path) -> None:
    image = "kubectl -n shop set image deployment/cart app=stratus/app:2"
    stand = stand_of(tmp_path, BY_ENV)
    assert changed(plan_of(stand, set_key(), image)) == ["ConfigMap/settings", "Deployment/cart"]
    # Before it, the new pods may have started with the old value.
    plan = plan_of(stand, image, set_key())
    assert changed(plan) == ["Deployment/cart", "ConfigMap/settings", "Deployment/cart"]


def test_pods_that_wait_for_the_key_retry_by_themselves(tmp_path: Path) -> None:
    plan = plan_of(stand_of(tmp_path, BY_ENV, data={"b": "1"}), set_key())
    assert changed(plan) == ["ConfigMap/settings"]
    assert any("when its pods start" in note for note in plan.notes)


def test_pods_that_crash_are_restarted_out_of_their_back_off(tmp_path: Path) -> None:
    bad = {
        "env": [
            {"name": "PORT", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
        ]
    }
    stand = stand_of(tmp_path, bad, data={"a": "none"})
    plan = plan_of(stand, set_key("a", "8080"))
    assert changed(plan) == ["ConfigMap/settings", "Deployment/cart"]


def test_a_consumer_that_may_not_be_restarted_is_said_and_refuses_nothing(tmp_path: Path) -> None:
    owner = {"apiVersion": "shops.example/v1", "kind": "Shop", "name": "main", "uid": "u"}
    owned = {"ownerReferences": [{**owner, "controller": True}]}
    plan = plan_of(stand_of(tmp_path, BY_ENV, metadata=owned), set_key())
    assert changed(plan) == ["ConfigMap/settings"]
    assert any("by hand" in note and "Shop main" in note for note in plan.notes)


def test_the_consumers_count_as_writes(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, BY_ENV)
    stand.limits = replace(stand.limits, max_writes=1)
    graph = stand.look().detection.graph
    made = plan_from_lines([set_key()], stand.reading(), graph, "shop")
    assert made.refusal is not None
    assert made.refusal.check == "bounds"


# There and back


def template(stand: Stand) -> Item:
    item = stand.twin.get(CART)
    assert item is not None
    made: Item = item["spec"]["template"]
    return made


def test_undo_brings_the_value_and_then_the_pods_back(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, BY_ENV)
    before, data = template(stand), (stand.twin.get(SETTINGS) or {})["data"]
    plan = plan_of(stand, set_key())
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
        assert done.state is TransactionState.COMMITTED, done.why
        assert MARK in template(stand)["metadata"]["annotations"]
        order = watch(stand)
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert report.transactions[0].state is TransactionState.COMMITTED
    # Each twice: the fields, then their former owners.
    assert list(dict.fromkeys(order)) == ["ConfigMap", "Deployment"]
    assert (stand.twin.get(SETTINGS) or {})["data"] == data
    assert template(stand) == before


def test_a_roll_back_waits_until_the_old_value_runs(tmp_path: Path) -> None:
    """A port that is none: the pods of the restored template must never see it."""
    by_port = {
        "env": [
            {"name": "PORT", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
        ]
    }
    stand = stand_of(tmp_path, by_port, data={"a": "8080"}, replicas=2)
    before = template(stand)
    plan = plan_of(stand, set_key("a", "none"))
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is TransactionState.UNDONE, done.why
    assert template(stand) == before
    assert is_rolled_out(stand.twin.get(CART) or {})
    assert "does not run the old value" not in done.why
    pods = [pod for pod in stand.twin.peek("Pod", "shop") if "cart" in pod["metadata"]["name"]]
    live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert len(live) == 2
    assert not any(
        status["restartCount"] for pod in live for status in pod["status"]["containerStatuses"]
    )


def test_old_values_that_linger_are_said(tmp_path: Path) -> None:
    """A rollout that cannot end within the bound, since its new pods have no room."""
    stand = stand_of(tmp_path, BY_ENV)
    with stand.ports() as ports:
        plan = plan_of(stand, set_key())
        assert execute_plan(plan, ports, stand.observe).state is TransactionState.COMMITTED
        for node in stand.twin.peek("Node", ""):
            node["spec"] = {**node["spec"], "unschedulable": True}
            stand.twin.replace(node)
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    (done,) = report.transactions
    assert done.state is TransactionState.COMMITTED
    assert "does not run the old value in all pods yet" in done.why


def watch(stand: Stand) -> list[str]:
    """The kinds that are written from now on, Leases aside, in order."""
    order: list[str] = []
    write = stand.twin.replace

    def replacing(item: Any, *, dry_run: bool = False) -> Item:
        if not dry_run and item["kind"] != "Lease":
            order.append(item["kind"])
        return write(item, dry_run=dry_run)

    stand.twin.replace = replacing  # type: ignore[method-assign]
    return order


# The order of the way back


def written(number: int, kind: str, name: str, operation: str) -> Written:
    body = {"metadata": {"name": name}}
    before = None if operation == "create" else body
    after = None if operation == "delete" else body
    return Written(number, Ref(kind, "shop", name), before, after, "kubectl", f"u{number}")


@st.composite
def histories(draw: st.DrawFn) -> list[Written]:
    """Writes in an order that a cluster would take: nothing is changed that is not there."""
    there = {
        (kind, name): draw(st.booleans())
        for kind in ("ConfigMap", "Secret", "Deployment", "Service")
        for name in ("a", "b")
    }
    made: list[Written] = []
    for number in range(draw(st.integers(0, 12))):
        key = draw(st.sampled_from(sorted(there)))
        operation = draw(st.sampled_from(["update", "delete"])) if there[key] else "create"
        there[key] = operation != "delete"
        made.append(written(number + 1, *key, operation))
    return made


@given(histories())
def test_the_way_back_is_every_write_once_and_in_order(items: list[Written]) -> None:
    order = way_back(items)
    assert sorted(item.number for item in order) == [item.number for item in items]
    place = {item.number: index for index, item in enumerate(order)}
    oldest: dict[Ref, Written] = {}
    for item in items:
        first = oldest.setdefault(item.ref, item)
        # One object: newest first.
        if first is not item:
            assert place[item.number] < place[first.number]
    new = {ref for ref, item in oldest.items() if item.before is None}
    for item in items:
        for other in items:
            if item.ref in new and other.ref not in new:
                assert place[other.number] < place[item.number]
            elif (
                item.ref.kind in CONFIGS
                and other.ref.kind not in CONFIGS
                and item.ref not in new
                and other.ref not in new
            ):
                assert place[item.number] < place[other.number]


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["containers", "volumes", "env", "envFrom", "valueFrom", "volumeMounts"]
                    + ["configMapRef", "configMap", "projected", "sources", "items", "name"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_a_pod_spec_of_any_shape_is_read_without_a_crash(spec: Any) -> None:
    assert ways_of_reading(spec, SETTINGS, frozenset({"a"})) <= {"env", "subPath", "volume"}
