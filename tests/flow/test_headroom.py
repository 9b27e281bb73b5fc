"""Room before a change: quotas for the pods it adds, budgets for those it restarts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from stratus_cli.flow.headroom import pod_amounts
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.kube.graph import Graph
from stratus_cli.model.errors import Forbidden
from stratus_cli.model.plan import Plan, Refusal
from tests.fakes.faulty import FaultyCluster
from tests.flow.small import ROOM, get, small
from tests.flow.stand import Stand


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


def planned(stand: Stand, line: str) -> Plan | Refusal:
    graph = Graph(stand.observe())
    made = plan_from_lines([line], stand.reading(), graph, "shop")
    answer = made.plan or made.refusal
    assert answer is not None
    return answer


def scaled(stand: Stand, number: int) -> Plan | Refusal:
    return planned(stand, f"kubectl -n shop scale deployment/web --replicas={number}")


def test_a_scale_up_beyond_the_quota_names_it(stand: Stand) -> None:
    """And says how far it could go."""
    used = int(get(stand, ROOM)["status"]["used"]["pods"])
    room = 9 - used
    refusal = scaled(stand, 2 + room + 1)
    assert isinstance(refusal, Refusal)
    assert refusal.check == "quota"
    assert f"ResourceQuota room has room for {room} more pods" in refusal.reason
    assert f"add at most {room} replicas" in refusal.lift
    assert isinstance(scaled(stand, 2 + room), Plan)


def test_what_the_pods_request_counts(stand: Stand) -> None:
    """Requests default to limits; init containers run alone."""
    small_, large = {"cpu": "100m"}, {"cpu": "1", "memory": "1Gi"}
    spec = {
        "containers": [{"resources": {"limits": small_}}, {"resources": {"requests": small_}}],
        "initContainers": [{"resources": {"requests": large}}],
    }
    found = pod_amounts(spec)
    assert (found["requests.cpu"], found["limits.cpu"]) == (1, Decimal("0.1"))
    assert found["requests.memory"] == 1024**3
    assert found["pods"] == 1
    room = get(stand, ROOM)
    room["spec"]["hard"] = {"requests.cpu": "1"}
    stand.twin.replace(room)
    stand.twin.advance(1)
    assert isinstance(scaled(stand, 5), Plan), "its pods request no cpu"


def test_a_quota_with_scopes_counts_the_pods_of_its_scopes(stand: Stand) -> None:
    """Where a default may still decide, the server's word is waited for."""
    room = get(stand, ROOM)
    room["spec"] = {"hard": {"pods": "2"}, "scopes": ["NotTerminating"]}
    stand.twin.replace(room)
    stand.twin.advance(1)
    assert isinstance(scaled(stand, 9), Refusal)
    for spec in ({"scopes": ["Terminating"]}, {"scopes": ["BestEffort"]}):
        room = get(stand, ROOM)
        room["spec"] = {"hard": {"pods": "2"}, **spec}
        stand.twin.replace(room)
        stand.twin.advance(1)
        assert isinstance(scaled(stand, 9), Plan), spec


def test_a_quota_that_is_full_by_the_first_write_blocks(stand: Stand) -> None:
    """Room is looked for again."""
    plan = scaled(stand, 4)
    assert isinstance(plan, Plan)
    room = get(stand, ROOM)
    room["spec"]["hard"] = {"pods": "3"}
    stand.twin.replace(room)
    stand.twin.advance(1)
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.checks == ("quota",)
    assert stand.cluster.writes == 0


def test_quotas_that_cannot_be_read_are_said(stand: Stand) -> None:
    """Not taken for none."""

    class Unreadable(FaultyCluster):
        def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
            if kind == "ResourceQuota":
                raise Forbidden(403, "Forbidden", "cannot list quotas", kind)
            return super().list_pages(kind, namespace)

    stand.cluster = Unreadable(stand.twin)
    plan = scaled(stand, 3)
    assert isinstance(plan, Plan)
    assert any("room in quotas of shop is not known" in note for note in plan.notes)


def test_a_budget_without_room_is_a_note_on_a_restart(stand: Stand) -> None:
    """A rollout does not ask it; a scale-up has nothing to do with it."""
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "tight", "namespace": "shop"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0},
    }
    stand.twin.create(budget)
    plan = planned(stand, "kubectl -n shop rollout restart deployment/web")
    assert isinstance(plan, Plan)
    assert any("PodDisruptionBudget tight has no room now" in note for note in plan.notes)
    other = planned(stand, "kubectl -n shop rollout restart deployment/cart")
    assert isinstance(other, Plan)
    assert not any("PodDisruptionBudget" in note for note in (*other.notes, *_scaled_notes(stand)))


def _scaled_notes(stand: Stand) -> tuple[str, ...]:
    plan = scaled(stand, 3)
    assert isinstance(plan, Plan)
    return plan.notes
