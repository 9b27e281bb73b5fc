"""StatefulSets and DaemonSets on the twin: who makes which pods, in which order."""

from __future__ import annotations

from typing import Any

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import Target, load_world
from tests.flow.worlds import app, world

Item = dict[str, Any]


def twin_with(kind: str, nodes: int = 2, **spec: Any) -> Twin:
    """ "db" of a kind, run until it is well."""
    [made, service] = app("db", replicas=3)
    made["kind"] = kind
    if kind == "DaemonSet":
        del made["spec"]["replicas"]
    else:
        made["spec"]["serviceName"] = "db"
    made["spec"] |= spec
    return Twin(load_world(world([made, service], nodes=nodes)))


def names(twin: Twin) -> list[str]:
    return [item["metadata"]["name"] for item in twin.peek("Pod", "shop")]


def status(twin: Twin, kind: str) -> Item:
    [item] = twin.peek(kind, "shop")
    found: Item = item["status"]
    return found


def set_image(twin: Twin, kind: str, tag: str) -> None:
    box = {"name": "app", "image": f"stratus/app:{tag}"}
    patch = {"spec": {"template": {"spec": {"containers": [box]}}}}
    twin.patch(Target(kind, "db", "shop", strategic=patch))


def test_a_stateful_sets_pods_have_numbers_and_are_replaced_from_the_last() -> None:
    twin = twin_with("StatefulSet")
    assert names(twin) == ["db-0", "db-1", "db-2"]
    uids = {item["metadata"]["name"]: item["metadata"]["uid"] for item in twin.peek("Pod", "shop")}
    set_image(twin, "StatefulSet", "2")
    replaced: list[str] = []
    while len(replaced) < 3 and twin.elapsed_s() < 120:
        twin.advance(0.1)
        now = {it["metadata"]["name"]: it["metadata"]["uid"] for it in twin.peek("Pod", "shop")}
        replaced += [name for name in now if now[name] != uids[name] and name not in replaced]
    assert replaced == ["db-2", "db-1", "db-0"]
    twin.advance(10)
    found = status(twin, "StatefulSet")
    assert found["updatedReplicas"] == found["readyReplicas"] == 3
    assert found["currentRevision"] == found["updateRevision"]


def test_a_stateful_sets_stuck_pod_stays_when_the_template_is_put_back() -> None:
    """Forced rollback, in Kubernetes' words: the broken pod must be deleted by somebody."""
    twin = twin_with("StatefulSet")
    set_image(twin, "StatefulSet", "never")
    twin.advance(30)
    set_image(twin, "StatefulSet", "1")
    twin.advance(120)
    assert status(twin, "StatefulSet")["readyReplicas"] == 2


def test_a_daemon_runs_on_every_node_that_it_fits() -> None:
    twin = twin_with("DaemonSet", nodes=3)
    assert len({item["spec"]["nodeName"] for item in twin.peek("Pod", "shop")}) == 3
    twin.patch(
        Target("Node", "node3", json=[{"op": "add", "path": "/spec/taints", "value": [TAINT]}])
    )
    twin.advance(5)
    assert status(twin, "DaemonSet")["desiredNumberScheduled"] == 2
    assert len(names(twin)) == 2


def test_a_daemons_update_leaves_one_out_at_a_time() -> None:
    twin = twin_with("DaemonSet", nodes=3)
    set_image(twin, "DaemonSet", "2")
    twin.advance(0.1)  # its controller has seen the change
    least = 3
    while twin.elapsed_s() < 120 and status(twin, "DaemonSet").get("updatedNumberScheduled") != 3:
        twin.advance(0.1)
        least = min(least, status(twin, "DaemonSet")["numberReady"])
    twin.advance(5)
    assert least == 2
    assert status(twin, "DaemonSet")["numberReady"] == 3


TAINT = {"key": "only", "value": "others", "effect": "NoSchedule"}
