"""A node of the real cluster is emptied and opened again. It moves everybody's pods: by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import objects
from tests.cluster.bed import Bed
from tests.e2e.keyboard import Keyboard
from tests.e2e.ward import until
from tests.turns import PROOF

NODE = "node2"
DRAIN = f"kubectl drain {NODE} --ignore-daemonsets --delete-emptydir-data"


@pytest.fixture
def keyboard(bed: Bed, tmp_path: Path) -> Iterator[Keyboard]:
    """Four pods over both nodes, served."""
    with bed.namespace() as namespace:
        made = Keyboard(bed, namespace, tmp_path)
        # CoreDNS may be on the node, too: who drains says that kube-system may be touched.
        config = tmp_path / "config" / "stratus" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text("protected-namespaces = []\n")
        shop = objects.deployment("web", objects.container(), replicas=4)
        bed.apply(namespace, shop, objects.service("web"))
        until(lambda: len(ready(made)) == 4, "four ready pods")
        yield made
        if is_cordoned(bed):
            bed.api("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"unschedulable": None}})


def is_cordoned(bed: Bed) -> bool:
    return bool(bed.api("GET", f"/api/v1/nodes/{NODE}")["spec"].get("unschedulable"))


def ready(keyboard: Keyboard) -> list[str]:
    """The node of each ready pod."""
    return [
        item["spec"]["nodeName"]
        for item in keyboard.items("pods")
        if "deletionTimestamp" not in item["metadata"]
        and any(
            it["type"] == "Ready" and it["status"] == "True"
            for it in item["status"].get("conditions", ())
        )
    ]


@pytest.mark.turn(PROOF)
def test_a_node_is_drained_and_comes_back(keyboard: Keyboard, bed: Bed) -> None:
    """What it held serves on the other one; undo opens it, and moves no pod back."""
    assert NODE in ready(keyboard)
    file = str(keyboard.folder / "plan.yaml")
    planned = keyboard.run("plan", DRAIN, "--out", file)
    assert planned.code in (0, 1), planned.err
    done = keyboard.run("mitigate", "--plan", file, "--auto", "--watch-for", "0", "-o", "json")
    assert done.code == 0, done.out + done.err
    (tx,) = json.loads(done.out)["transactions"]
    assert tx["state"] == "COMMITTED"
    assert is_cordoned(bed)
    until(lambda: ready(keyboard) == ["node1"] * 4, "every pod on the other node")
    undone = keyboard.run("undo", tx["id"], "--auto", "--accept-loss")
    assert undone.code == 0, undone.out + undone.err
    assert not is_cordoned(bed)
    assert ready(keyboard) == ["node1"] * 4


@pytest.mark.turn(PROOF)
def test_a_budget_without_room_refuses_the_drain(keyboard: Keyboard, bed: Bed) -> None:
    """Nothing is cordoned, nothing is evicted."""
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": keyboard.namespace},
        "spec": {"minAvailable": 4, "selector": {"matchLabels": {"app": "web"}}},
    }
    bed.apply(keyboard.namespace, budget)
    path = f"/apis/policy/v1/namespaces/{keyboard.namespace}/poddisruptionbudgets/web"
    until(lambda: bed.api("GET", path).get("status", {}).get("currentHealthy") == 4, "a count")
    before = keyboard.names("pods")
    refused = keyboard.run("plan", DRAIN)
    assert refused.code == 4, refused.out + refused.err
    assert f"PodDisruptionBudget {keyboard.namespace}/web allows 0" in refused.err, refused.err
    assert not is_cordoned(bed)
    assert keyboard.names("pods") == before
