"""Re-creation: an immutable field changes by deletion with Orphan and creation, and goes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.recover import recover
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.normal import normal_form
from stratus_cli.model.change import ORPHAN
from stratus_cli.model.errors import Refused
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan, Refusal, Risk
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from tests.fakes.faulty import Crash
from tests.flow.stand import Stand
from tests.flow.worlds import app, world

Item = dict[str, Any]
CART = Ref("Deployment", "shop", "cart", "apps/v1")
BINDING = Ref("RoleBinding", "shop", "readers", "rbac.authorization.k8s.io/v1")
COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "view"}
BIND: Item = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "readers", "namespace": "shop"},
    "roleRef": ROLE,
    "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "shop"}],
}
TIER = {"app": "cart", "tier": "front"}


def patch(what: str, **fields: Any) -> str:
    return f"kubectl -n shop patch {what} --type=merge -p '{json.dumps(fields)}'"


NARROW = patch(
    "deployment/cart",
    spec={
        "selector": {"matchLabels": TIER},
        "template": {"metadata": {"labels": TIER}},
    },
)
REBIND = patch("rolebinding/readers", roleRef={**ROLE, "name": "edit"})
REGROUP = patch("deployment/cart", spec={"selector": {"matchLabels": {"app": None, "group": "a"}}})
"""The pods have both labels: what is there is adopted."""


def stand_of(folder: Path, *more: Item, labels: Item | None = None) -> Stand:
    (deployment, service) = app("cart", replicas=2)
    deployment["spec"]["template"]["metadata"]["labels"] = {"app": "cart", **(labels or {})}
    return Stand.make(folder, world([deployment, service, *app("catalog"), BIND, *more]))


def planned(stand: Stand, *lines: str) -> Plan | Refusal:
    graph = stand.look().detection.graph
    made = plan_from_lines(lines, stand.reading(), graph, "shop")
    found = made.plan or made.refusal
    assert found is not None
    return found


def plan_of(stand: Stand, *lines: str) -> Plan:
    made = planned(stand, *lines)
    assert isinstance(made, Plan), made
    return made


def execute(stand: Stand, plan: Plan) -> TransactionReport:
    with stand.ports() as ports:
        return execute_plan(plan, ports, stand.observe)


def take_back(stand: Stand, *, dry_run: bool = False, force: bool = False) -> Any:
    with stand.ports() as ports:
        return undo(
            ports,
            Selector(last=True),
            accept_loss=True,
            dry_run=dry_run,
            force=force,
            observe=stand.observe,
        )


def live(stand: Stand, ref: Ref = CART) -> Item:
    item = stand.twin.get(ref)
    assert item is not None
    return item


def owners(stand: Stand, kind: str) -> dict[str, str]:
    """Name -> name of the controller, "" for none."""
    return {
        item["metadata"]["name"]: next(
            (owner["name"] for owner in item["metadata"].get("ownerReferences") or ()), ""
        )
        for item in stand.twin.peek(kind, "shop")
        if "cart" in item["metadata"]["name"]
    }


def pods(stand: Stand) -> set[str]:
    return {
        item["metadata"]["name"]
        for item in stand.twin.peek("Pod", "shop")
        if item["metadata"]["name"].startswith("cart")
        and "deletionTimestamp" not in item["metadata"]
    }


def edit(stand: Stand, change: Any, ref: Ref = CART) -> None:
    """Somebody else writes."""
    item = live(stand, ref)
    change(item)
    stand.twin.replace(item)


# The plan


def test_a_patch_of_an_immutable_field_becomes_two_steps(tmp_path: Path) -> None:
    plan = plan_of(stand_of(tmp_path), REBIND)
    first, second = plan.steps
    assert first.change.after is None
    assert first.change.via == ORPHAN
    assert first.kubectl == "kubectl -n shop delete rolebinding/readers --cascade=orphan"
    assert second.change.before is None
    assert second.change.after is not None
    assert second.change.after["roleRef"]["name"] == "edit"
    assert plan.risk is Risk.HIGH
    assert any("made anew: roleRef.name cannot be updated" in note for note in plan.notes)
    assert any("uid, creation time" in note for note in plan.notes)


def test_what_can_be_updated_is(tmp_path: Path) -> None:
    line = patch("rolebinding/readers", subjects=[])
    (step,) = plan_of(stand_of(tmp_path), line).steps
    assert step.change.operation == "update"


def test_what_is_left_alone_is_said(tmp_path: Path) -> None:
    plan = plan_of(stand_of(tmp_path), NARROW)
    assert any("without an owner" in note and "ReplicaSet cart-" in note for note in plan.notes)


def test_finalizers_refuse(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    edit(stand, lambda item: item["metadata"].update(finalizers=["example.com/hold"]), BINDING)
    made = planned(stand, REBIND)
    assert isinstance(made, Refusal)
    assert made.check == "finalizers"


def test_a_way_back_that_would_leave_pods_behind_refuses(tmp_path: Path) -> None:
    """The new one adopts the old pods, and makes some that the old one does not select."""
    line = patch(
        "deployment/cart",
        spec={
            "selector": {"matchLabels": {"app": None, "group": "a"}},
            "template": {"metadata": {"labels": {"app": "other"}}},
        },
    )
    made = planned(stand_of(tmp_path, labels={"group": "a"}), line)
    assert isinstance(made, Refusal)
    assert made.check == "adoption"


def test_the_server_knows_more_immutable_fields_than_our_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stratus_cli.actions import recreate

    monkeypatch.setattr(recreate, "IMMUTABLE", dict.fromkeys(recreate.IMMUTABLE, ()))
    first, second = plan_of(stand_of(tmp_path), NARROW).steps
    assert (first.change.operation, second.change.operation) == ("delete", "create")


# There and back


def test_a_role_binding_goes_there_and_back(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    before = normal_form(live(stand, BINDING))
    done = execute(stand, plan_of(stand, REBIND))
    assert done.state is COMMITTED, done.why
    assert live(stand, BINDING)["roleRef"]["name"] == "edit"
    report = take_back(stand)
    assert [tx.state for tx in report.transactions] == [COMMITTED]
    assert normal_form(live(stand, BINDING)) == before


def test_adopted_pods_never_stop(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, labels={"group": "a"})
    before, running, sets = normal_form(live(stand)), pods(stand), owners(stand, "ReplicaSet")
    uid = live(stand)["metadata"]["uid"]
    done = execute(stand, plan_of(stand, REGROUP))
    assert done.state is COMMITTED, done.why
    assert live(stand)["metadata"]["uid"] != uid
    assert (pods(stand), owners(stand, "ReplicaSet")) == (running, sets)
    report = take_back(stand)
    assert [tx.state for tx in report.transactions] == [COMMITTED], report
    assert normal_form(live(stand)) == before
    assert (pods(stand), owners(stand, "ReplicaSet")) == (running, sets)


def test_pods_that_are_not_selected_run_on_and_are_taken_again(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    before, running = normal_form(live(stand)), pods(stand)
    done = execute(stand, plan_of(stand, NARROW))
    assert done.state is COMMITTED, done.why
    assert running < pods(stand)
    assert sorted(owners(stand, "ReplicaSet").values()) == ["", "cart"]
    report = take_back(stand)
    assert [tx.state for tx in report.transactions] == [COMMITTED], report
    stand.twin.advance(30)
    assert normal_form(live(stand)) == before
    assert pods(stand) == running
    assert list(owners(stand, "ReplicaSet").values()) == ["cart"]


def test_an_undo_of_the_undo_makes_it_anew_once_more(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, labels={"group": "a"})
    running = pods(stand)
    assert execute(stand, plan_of(stand, REGROUP)).state is COMMITTED
    after = normal_form(live(stand))
    tx = take_back(stand).transactions[0].id
    with stand.ports() as ports:
        report = undo(ports, Selector(tx=tx), accept_loss=True, observe=stand.observe)
    assert report.transactions[0].state is COMMITTED, report
    assert normal_form(live(stand)) == after
    assert pods(stand) == running


def test_a_new_one_that_fails_is_rolled_back(tmp_path: Path) -> None:
    """Its pods cannot start; the old ones served all the time."""
    stand = stand_of(tmp_path)
    before, running = normal_form(live(stand)), pods(stand)
    line = patch(
        "deployment/cart",
        spec={
            "selector": {"matchLabels": TIER},
            "template": {"metadata": {"labels": TIER}, "spec": {"nodeSelector": {"no": "node"}}},
        },
    )
    done = execute(stand, plan_of(stand, line))
    assert done.state is UNDONE, done.why
    stand.twin.advance(30)
    assert normal_form(live(stand)) == before
    assert pods(stand) == running
    assert list(owners(stand, "ReplicaSet").values()) == ["cart"]


@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("fault", ["crash-before", "crash-after"])
@pytest.mark.parametrize("line", [REGROUP, REBIND], ids=["selector", "roleRef"])
def test_a_crash_between_the_two_steps_is_recovered(
    tmp_path: Path, line: str, fault: str, call: int
) -> None:
    stand = stand_of(tmp_path, labels={"group": "a"})
    before = [normal_form(live(stand, ref)) for ref in (CART, BINDING)]
    running = pods(stand)
    plan = plan_of(stand, line)
    stand.cluster.faults = {call: fault}
    try:
        execute(stand, plan)
    except Crash:
        stand.cluster.faults = {}
        with stand.ports() as ports:
            recover(ports, "rollback", stand.observe)
        assert [normal_form(live(stand, ref)) for ref in (CART, BINDING)] == before
    assert pods(stand) == running


# Others write, too


def scale(number: int) -> Any:
    return lambda item: item["spec"].update(replicas=number)


def test_replicas_that_somebody_moved_survive_the_way_back(tmp_path: Path) -> None:
    """An autoscaler, for instance: its number is not ours to restore."""
    stand = stand_of(tmp_path, labels={"group": "a"})
    before = normal_form(live(stand))
    assert execute(stand, plan_of(stand, REGROUP)).state is COMMITTED
    edit(stand, scale(3))
    edit(stand, lambda item: item["metadata"].setdefault("labels", {}).update(theirs="yes"))
    stand.twin.advance(20)
    preview = take_back(stand, dry_run=True)
    assert not any("refused" in note for note in preview.notes), preview.notes
    report = take_back(stand)
    assert [tx.state for tx in report.transactions] == [COMMITTED], report
    now = normal_form(live(stand))
    assert now["spec"]["replicas"] == 3
    assert now["metadata"]["labels"]["theirs"] == "yes"
    now["spec"]["replicas"] = 2
    del now["metadata"]["labels"]["theirs"]
    assert now == before


def test_an_edit_of_the_field_itself_is_refused(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    assert execute(stand, plan_of(stand, REBIND)).state is COMMITTED
    item = live(stand, BINDING)
    stand.twin.delete(BINDING, uid="")
    item["roleRef"]["name"] = "admin"
    for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        item["metadata"].pop(name, None)
    stand.twin.create(item)
    with pytest.raises(Refused):
        take_back(stand)
    assert live(stand, BINDING)["roleRef"]["name"] == "admin"


def test_an_autoscaled_deployment_keeps_the_autoscalers_number(tmp_path: Path) -> None:
    """A change of its image, undone after the autoscaler has moved its replicas."""
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
        },
    }
    stand = stand_of(tmp_path, hpa)
    plan = plan_of(stand, "kubectl -n shop set image deployment/cart app=stratus/app:2")
    assert execute(stand, plan).state is COMMITTED
    edit(stand, scale(4))
    stand.twin.advance(20)
    report = take_back(stand)
    assert [tx.state for tx in report.transactions] == [COMMITTED], report
    spec = live(stand)["spec"]
    assert spec["replicas"] == 4
    assert spec["template"]["spec"]["containers"][0]["image"] == "stratus/app:1"


def test_a_selector_change_under_an_autoscaler_keeps_its_number(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, labels={"group": "a"})
    before = normal_form(live(stand))
    plan = plan_of(stand, REGROUP)
    edit(stand, scale(3))
    done = execute(stand, plan)
    assert done.state is COMMITTED, done.why
    assert live(stand)["spec"]["replicas"] == 3
    assert [tx.state for tx in take_back(stand).transactions] == [COMMITTED]
    before["spec"]["replicas"] = 3
    assert normal_form(live(stand)) == before


def test_what_others_write_between_plan_and_deletion_goes_into_the_new_one(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    plan = plan_of(stand, REBIND)
    edit(stand, lambda item: item["metadata"].update(annotations={"theirs": "1"}), BINDING)
    assert execute(stand, plan).state is COMMITTED
    assert live(stand, BINDING)["metadata"]["annotations"]["theirs"] == "1"


def test_a_field_that_is_to_change_and_moved_blocks(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    plan = plan_of(stand, NARROW)
    labels = {"app": "cart", "theirs": "1"}
    edit(stand, lambda item: item["spec"]["template"]["metadata"].update(labels=labels))
    edit(stand, lambda item: item["spec"]["template"]["metadata"]["labels"].update(tier="x"))
    assert execute(stand, plan).state is TransactionState.BLOCKED


@pytest.mark.parametrize("call", range(2, 6))
def test_a_finished_re_creation_keeps_what_others_wrote(tmp_path: Path, call: int) -> None:
    """A crash between deletion and creation, then `recover --finish`."""
    stand = stand_of(tmp_path)
    plan = plan_of(stand, REBIND)
    edit(stand, lambda item: item["metadata"].update(annotations={"theirs": "1"}), BINDING)
    stand.cluster.faults = {call: "crash-before"}
    try:
        execute(stand, plan)
    except Crash:
        stand.cluster.faults = {}
        with stand.ports() as ports:
            recover(ports, "finish", stand.observe)
    made = live(stand, BINDING)
    if made["roleRef"]["name"] == "edit":
        assert made["metadata"]["annotations"]["theirs"] == "1"


@pytest.mark.parametrize("fault", ["crash-before", "crash-after"])
@pytest.mark.parametrize("call", range(3, 7))
def test_a_crash_on_the_way_back_keeps_what_others_wrote(
    tmp_path: Path, call: int, fault: str
) -> None:
    stand = stand_of(tmp_path, labels={"group": "a"})
    before, running = normal_form(live(stand)), pods(stand)
    spec = {"selector": {"matchLabels": {"app": None, "group": "a"}}}
    broken = {"metadata": {"labels": {"group": "a"}}, "spec": {"nodeSelector": {"no": "node"}}}
    line = patch("deployment/cart", spec={**spec, "template": broken})
    plan = plan_of(stand, line)
    edit(stand, lambda item: item["metadata"].setdefault("labels", {}).update(theirs="1"))
    stand.cluster.faults = {call: fault}
    try:
        done = execute(stand, plan)
        assert done.state is UNDONE, done.why
    except Crash:
        stand.cluster.faults = {}
        with stand.ports() as ports:
            report = recover(ports, "rollback", stand.observe)
        assert all(tx.state is UNDONE for tx in report.transactions), report
    stand.twin.advance(60)
    before["metadata"]["labels"]["theirs"] = "1"
    assert normal_form(live(stand)) == before
    assert pods(stand) == running
