"""PodDisruptionBudgets on the twin: what they allow, and evictions that obey them."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.model.errors import ClusterAnswer, Conflict, NotFound
from stratus_cli.model.ref import Ref
from tests.flow.worlds import app, world

Item = dict[str, Any]
BUDGET = Ref("PodDisruptionBudget", "shop", "web", "policy/v1")


def budget(name: str = "web", **spec: Any) -> Item:
    """A budget over the pods of web."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


def twin_with(*budgets: Item, replicas: int = 3, image: str = "stratus/app:1") -> Twin:
    """web on one node, settled."""
    return Twin(load_world(world([*app("web", replicas=replicas, image=image), *budgets])))


def pods(twin: Twin) -> list[Ref]:
    return [
        Ref("Pod", "shop", item["metadata"]["name"], "v1")
        for item in twin.peek("Pod", "shop")
        if "deletionTimestamp" not in item["metadata"]
    ]


def allowed(twin: Twin) -> int:
    item = twin.get(BUDGET)
    assert item is not None
    number: int = item["status"]["disruptionsAllowed"]
    return number


@pytest.mark.parametrize(
    ("spec", "number"),
    [
        ({"minAvailable": 2}, 1),
        ({"minAvailable": 3}, 0),
        ({"minAvailable": 5}, 0),
        ({"maxUnavailable": 2}, 2),
        ({"minAvailable": "50%"}, 1),
        ({"maxUnavailable": "100%"}, 3),
        ({"minAvailable": 0, "selector": None}, 0),
    ],
)
def test_what_a_budget_allows(spec: Item, number: int) -> None:
    assert allowed(twin_with(budget(**spec))) == number


def test_an_eviction_uses_the_budget_and_the_next_is_refused() -> None:
    twin = twin_with(budget(minAvailable=2))
    first, second, _ = pods(twin)
    twin.delete(first, uid="", evict=True, dry_run=True)
    assert allowed(twin) == 1
    twin.delete(first, uid="", evict=True)
    with pytest.raises(ClusterAnswer, match="violate the pod's disruption budget") as caught:
        twin.delete(second, uid="", evict=True)
    assert (caught.value.status, caught.value.reason) == (429, "TooManyRequests")
    twin.advance(0.5)
    with pytest.raises(ClusterAnswer, match="disruption budget"):
        twin.delete(second, uid="", evict=True)
    twin.advance(30)
    assert allowed(twin) == 1
    twin.delete(second, uid="", evict=True)


def test_a_refused_precondition_uses_the_budget_for_two_minutes() -> None:
    """As a real API server does: it takes from the budget before it deletes."""
    twin = twin_with(budget(minAvailable=2))
    first = pods(twin)[0]
    with pytest.raises(NotFound):
        twin.delete(Ref("Pod", "shop", "nobody", "v1"), uid="", evict=True)
    assert allowed(twin) == 1
    with pytest.raises(Conflict):
        twin.delete(first, uid="another", evict=True)
    assert allowed(twin) == 0
    twin.advance(60)
    assert first in pods(twin)
    assert allowed(twin) == 0
    twin.advance(61)
    assert allowed(twin) == 1


def test_two_budgets_over_one_pod_are_the_servers_error() -> None:
    twin = twin_with(budget(minAvailable=1), budget("other", minAvailable=1))
    with pytest.raises(ClusterAnswer, match="more than one PodDisruptionBudget") as caught:
        twin.delete(pods(twin)[0], uid="", evict=True)
    assert caught.value.status == 500


def test_a_pod_that_never_ran_goes_without_asking() -> None:
    twin = twin_with(budget(minAvailable=3), image="stratus/app:never")
    assert allowed(twin) == 0
    first = pods(twin)[0]
    twin.delete(first, uid="", evict=True)
    twin.advance(5)
    assert first not in pods(twin)
