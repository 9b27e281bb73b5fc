"""Nodes that were taken out of use, through every stage on the twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.model.ref import Ref
from tests.e2e.reports import checked
from tests.e2e.test_twin import Stand
from tests.scenarios.simulated import NAMESPACE, simulated_site

CORDONED = {"unschedulable": True}
TAINTED = {"taints": [{"key": "dedicated", "value": "batch", "effect": "NoSchedule"}]}


@pytest.mark.parametrize(
    ("spec", "cause", "field"),
    [
        (CORDONED, "node-cordoned", "spec.unschedulable"),
        (TAINTED, "node-tainted", "spec.taints"),
    ],
    ids=["cordoned", "tainted"],
)
def test_every_node_is_taken_out_and_pods_are_lost(
    spec: dict[str, Any], cause: str, field: str, tmp_path: Path
) -> None:
    """Each node is named, given back, and taken out again by undo; nothing else is written."""
    stand = Stand(simulated_site(), tmp_path)
    names = [item["metadata"]["name"] for item in listed(stand, "Node", "")]
    for name in names:
        change(stand, name, spec)
    before = [item["spec"] for item in listed(stand, "Node", "")]
    lose(stand, "web")
    stand.site.clock.sleep(5)

    (incident,) = checked(stand.run("diagnose"))["incidents"]
    assert [(root["cause"], root["ref"], root["field"]) for root in incident["roots"]] == [
        (cause, f"/Node/{name}", field) for name in sorted(names)
    ]
    repaired = stand.run("run", "--auto", "--watch-for", "0")
    assert repaired.code == 0, str(repaired)
    assert [tx["state"] for tx in checked(repaired)["transactions"]] == ["COMMITTED"]
    assert not stand.site.unwell()
    assert stand.is_open
    assert not any(key in item["spec"] for item in listed(stand, "Node", "") for key in spec)

    undone = stand.run("undo", "--last", "--accept-loss", "--auto")
    assert undone.code == 0, str(undone)
    assert [item["spec"] for item in listed(stand, "Node", "")] == before


def test_a_node_that_is_cordoned_and_not_needed_is_left_alone(tmp_path: Path) -> None:
    """A cordon without a pod that waits is somebody's intention."""
    stand = Stand(simulated_site(), tmp_path)
    change(stand, listed(stand, "Node", "")[0]["metadata"]["name"], CORDONED)
    stand.site.clock.sleep(5)
    left = stand.run("run", "--auto", "--watch-for", "0")
    assert left.code == 0, str(left)
    assert checked(left)["transactions"] == []


def listed(stand: Stand, kind: str, namespace: str) -> list[dict[str, Any]]:
    """Every object of a kind."""
    pages = stand.site.cluster.list_pages(kind, namespace)
    return [item for page in pages for item in json.loads(page)["items"]]


def change(stand: Stand, node: str, spec: dict[str, Any]) -> None:
    """Somebody else's update of a node."""
    item = stand.site.cluster.get(Ref("Node", "", node, "v1"))
    assert item is not None
    item["spec"].update(spec)
    stand.site.cluster.replace(item)


def lose(stand: Stand, app: str) -> None:
    """The pods of an app are deleted."""
    for pod in listed(stand, "Pod", NAMESPACE):
        if pod["metadata"]["labels"].get("app") == app:
            ref = Ref("Pod", NAMESPACE, pod["metadata"]["name"], "v1")
            stand.site.cluster.delete(ref, uid=pod["metadata"]["uid"])
