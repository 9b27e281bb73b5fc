"""What must hold before the first write: each refusal by its check, and nothing written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.planfile import dump, load
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Limits, Policy
from stratus_cli.model.ref import ClusterIdentity, Ref
from stratus_cli.model.report import TransactionReport
from stratus_cli.model.snapshot import Snapshot
from tests.fakes.faulty import FaultyCluster
from tests.flow.stand import CART, Stand
from tests.flow.worlds import broken_image

BLOCKED = TransactionState.BLOCKED


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand.make(tmp_path, broken_image())


def blocked(stand: Stand, plan: Plan) -> TransactionReport:
    before = stand.spec()
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is BLOCKED, done.why
    assert stand.cluster.writes == 0
    assert stand.spec() == before
    assert any(text.startswith("BLOCKED") for text in stand.progress.said)
    return done


def test_another_cluster(stand: Stand) -> None:
    other = ClusterIdentity("another", "prod", "https://x", "alice")
    done = blocked(stand, replace(stand.plan(), cluster=other))
    assert "another cluster" in done.why
    assert "--context prod" in done.why


def test_an_expired_plan(stand: Stand) -> None:
    plan = load(dump(stand.plan()))
    stand.twin.advance(1)
    past = plan.created_at - timedelta(seconds=1)
    assert "expired" in blocked(stand, replace(plan, expires_at=past)).why


def test_too_many_writes(stand: Stand) -> None:
    plan = stand.plan()
    stand.limits = Limits(watch_s=0.0, max_writes=0)
    assert blocked(stand, plan).checks == ("bounds",)


def test_protected_since_the_plan_was_made(stand: Stand) -> None:
    plan = stand.plan()
    stand.policy = Policy(protected_names=("cart",))
    assert blocked(stand, plan).checks == ("protected",)


@pytest.mark.parametrize("what", ["image", "gone", "anew"])
def test_a_changed_object(stand: Stand, what: str) -> None:
    plan = load(dump(stand.plan()))
    item = stand.twin.get(CART)
    assert item is not None
    if what == "image":
        item["spec"]["template"]["spec"]["containers"][0]["image"] = "stratus/app:other"
        stand.twin.replace(item)
        word = "changed since: spec.template.spec.containers[name=app].image"
    else:
        stand.twin.delete(CART, uid="", orphan=True)
        word = "it is gone"
        if what == "anew":
            meta = {"name": "cart", "namespace": "shop", "labels": item["metadata"]["labels"]}
            stand.twin.advance(2)
            stand.twin.create({**item, "metadata": meta, "status": {}})
            stand.twin.advance(30)
            word = "made anew"
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is BLOCKED
    assert word in done.why or "gone by itself" in done.why
    assert stand.cluster.writes == 0


def test_a_field_that_the_plan_does_not_rest_on_may_change(stand: Stand) -> None:
    plan = stand.plan()
    item = stand.twin.get(CART)
    assert item is not None
    item["metadata"]["labels"]["team"] = "a"
    stand.twin.replace(item)
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is TransactionState.COMMITTED, done.why
    now = stand.twin.get(CART)
    assert now is not None
    assert now["metadata"]["labels"]["team"] == "a"


@pytest.mark.parametrize("verb", ["update"])
def test_what_may_not_be_written_now(stand: Stand, verb: str) -> None:
    plan = stand.plan()

    class Denied(FaultyCluster):
        def allowed(self, asked: str, ref: Ref) -> bool | None:
            return asked != verb

    stand.cluster = Denied(stand.twin)
    assert blocked(stand, plan).checks == ("permission",)


def test_a_create_that_could_not_be_taken_back(stand: Stand) -> None:
    """The way back of a create is a delete, which must be permitted, too."""
    from stratus_cli.model.change import Change
    from stratus_cli.model.plan import Step

    ref = Ref("ConfigMap", "shop", "new", "v1")
    item = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "new", "namespace": "shop"},
    }
    step = Step("kubectl create", Change(ref, None, item), (), "", "")

    class Denied(FaultyCluster):
        def allowed(self, asked: str, ref: Ref) -> bool | None:
            return asked != "delete"

    plan = replace(stand.plan(), steps=(step,))
    stand.cluster = Denied(stand.twin)
    done = blocked(stand, plan)
    assert done.checks == ("permission",)
    assert "taking it back" in done.why


def test_a_lock_that_may_not_be_taken_is_said_in_the_plan(stand: Stand) -> None:
    """Before anybody agrees; with locks switched off there is nothing to say."""

    class NoLeases(FaultyCluster):
        def allowed(self, asked: str, ref: Ref) -> bool | None:
            return ref.kind != "Lease"

    stand.cluster = NoLeases(stand.twin)
    notes = " ".join(stand.plan().notes)
    assert "you may not create and delete Leases in shop" in notes
    assert "--no-lease" in notes
    stand.policy = Policy(use_lease=False)
    assert "Leases" not in " ".join(stand.plan().notes)


def test_a_deployment_without_history(tmp_path: Path) -> None:
    """Its former pod template would be gone from the rollout history after the change."""
    stand = Stand.make(tmp_path, broken_image(spec={"revisionHistoryLimit": 0}))
    seen = stand.look()
    from stratus_cli.flow.plan import plan_from_lines

    made = plan_from_lines(
        ["kubectl -n shop set image deployment/cart app=stratus/app:1"],
        stand.reading(),
        seen.detection.graph,
        "shop",
        seen.incidents[0],
    )
    assert made.plan is not None, made.refusal
    assert blocked(stand, made.plan).checks == ("history",)


def test_an_object_that_an_earlier_transaction_could_not_restore(stand: Stand) -> None:
    """It stays closed until a person accepts it as it is."""
    plan = stand.plan()
    looks = {"seen": 0}

    def meddled() -> Snapshot:
        looks["seen"] += 1
        if looks["seen"] == 4:
            item = stand.twin.get(CART)
            assert item is not None
            item["spec"]["template"]["spec"]["containers"][0]["image"] = "stratus/app:theirs"
            stand.twin.replace(item)
        return stand.observe()

    with stand.ports() as ports:
        first = execute_plan(plan, ports, meddled)
    assert first.state is TransactionState.NEEDS_HUMAN
    stand.twin.advance(30)
    again = stand.plan()
    writes = stand.cluster.writes
    with stand.ports() as ports:
        second = execute_plan(again, ports, stand.observe)
    assert second.checks == ("needs human",)
    assert f"recover --accept {first.id}" in second.why
    assert stand.cluster.writes == writes
