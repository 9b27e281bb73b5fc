"""A StatefulSet's stuck pod goes on the way back: its controller never replaces it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from stratus_cli.cluster.twin.world import Target
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.model.health import TransactionState
from tests.flow.small import LIMITS, recorded, run
from tests.flow.stand import Stand
from tests.flow.worlds import Item, app, world

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
NEVER = "stratus/app:never"
SET_IMAGE = "kubectl -n shop set image statefulset/db app=stratus/app:"


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """ "db": two ready pods of a StatefulSet."""
    [made, service] = app("db", replicas=2)
    made["kind"] = "StatefulSet"
    made["spec"]["serviceName"] = "db"
    stand = Stand.make(tmp_path, world([made, service]))
    stand.limits = LIMITS
    return stand


def ready(stand: Stand) -> int:
    stand.twin.advance(60)
    [item] = stand.twin.peek("StatefulSet", "shop")
    return int(item["status"].get("readyReplicas", 0))


def test_after_a_roll_back_all_serve_again(stand: Stand) -> None:
    """The pod that could not start is evicted, with an intent on disk."""
    done = run(stand, f"{SET_IMAGE}never")
    assert done.state is UNDONE, done.why
    assert ready(stand) == 2
    assert [item.ref.kind for item in recorded(stand)[-1].intents] == [
        "StatefulSet",
        "StatefulSet",
        "Pod",
    ]


def test_a_repair_frees_the_stuck_pod(stand: Stand) -> None:
    """Its controller would wait for it for ever; the plan says so, and the intent is on disk."""
    box = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": NEVER}]}}}}
    stand.twin.patch(Target("StatefulSet", "db", "shop", strategic=box))
    assert ready(stand) == 1
    done = run(stand, f"{SET_IMAGE}2")
    assert done.state is COMMITTED, done.why
    assert ready(stand) == 2
    assert [item.ref.kind for item in recorded(stand)[-1].intents] == ["StatefulSet", "Pod"]
    assert done.plan is not None
    assert any("db-1 is stuck" in note for note in done.plan.notes)


def test_after_an_undo_all_serve_again(stand: Stand) -> None:
    """A commit that went bad later, taken back."""
    assert run(stand, f"{SET_IMAGE}2").state is COMMITTED
    spoil: Item = {"name": "app", "readinessProbe": {"httpGet": {"path": "/none"}}}
    box = {"spec": {"template": {"spec": {"containers": [spoil]}}}}
    stand.twin.patch(Target("StatefulSet", "db", "shop", strategic=box))
    stand.twin.advance(30)
    fine: Item = {"name": "app", "readinessProbe": {"httpGet": {"path": "/healthz"}}}
    box = {"spec": {"template": {"spec": {"containers": [fine]}}}}
    stand.twin.patch(Target("StatefulSet", "db", "shop", strategic=box))
    assert ready(stand) == 1
    with stand.ports() as ports:
        undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert ready(stand) == 2


def test_a_budget_is_respected(stand: Stand) -> None:
    """What may not be evicted stays, and is said."""
    budget = {"minAvailable": 2, "selector": {"matchLabels": {"app": "db"}}}
    meta = {"name": "db", "namespace": "shop"}
    stand.twin.create(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": meta,
            "spec": budget,
        }
    )
    stand.twin.advance(1)
    # It runs, and is never ready; a pending pod's eviction asks no budget.
    probe = '{"readinessProbe": {"httpGet": {"path": "/none"}}, "name": "app"}'
    patch = f'{{"spec": {{"template": {{"spec": {{"containers": [{probe}]}}}}}}}}'
    done = run(stand, f"kubectl -n shop patch statefulset/db -p '{patch}'")
    assert done.state is UNDONE
    assert "is stuck in a former template and could not be evicted" in done.why


def test_a_full_disk_costs_no_more_than_the_eviction(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way back has its room; one eviction more has not, which is said, and nothing is open."""

    def full(*_: object) -> None:
        if stand.cluster.writes:  # from the first write on
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    done = run(stand, f"{SET_IMAGE}never")
    assert done.state is UNDONE, done.why
    assert not done.open
    assert "is stuck in a former template and could not be evicted" in done.why
    assert "the journal has no room" in done.why
    assert [item.ref.kind for item in recorded(stand)[-1].intents] == ["StatefulSet"] * 2
