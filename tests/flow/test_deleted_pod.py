"""A plan that deletes a pod, whose place takes a while to be filled again."""

from __future__ import annotations

from pathlib import Path

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.planfile import dump, load
from stratus_cli.kube.graph import Graph
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from tests.flow.stand import Stand
from tests.flow.worlds import app, world


def test_a_deleted_pod_may_be_missing_until_the_next_is_ready(tmp_path: Path) -> None:
    """One of two ready pods is deleted; the next needs 8 s to start. Kept, not rolled back."""
    stand = Stand.make(tmp_path, world(app("cart", replicas=2, env={"START_DELAY_S": "8"})))
    graph = Graph(stand.observe())
    name = min(
        pod["metadata"]["name"]
        for pod in stand.twin.peek("Pod", "shop")
        if pod["metadata"]["name"].startswith("cart-")
    )
    line = f"kubectl -n shop delete pod {name}"
    plan = plan_from_lines([line], stand.reading(), graph, "shop").plan
    assert plan is not None
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is TransactionState.COMMITTED, done.why


PLANTED = "planted-51c2-hunter2"


def test_a_pod_with_a_credential_in_clear_is_deleted_and_told_nowhere(tmp_path: Path) -> None:
    """Its controller replaces it, so nobody needs the value again."""
    env = {"DB_PASSWORD": PLANTED, "URL": f"postgres://app:{PLANTED}@db/app"}
    stand = Stand.make(tmp_path, world(app("cart", replicas=2, env=env)))
    (name, *_) = sorted(pod["metadata"]["name"] for pod in stand.twin.peek("Pod", "shop"))
    graph = Graph(stand.observe())
    line = f"kubectl -n shop delete pod {name}"
    plan = plan_from_lines([line], stand.reading(), graph, "shop").plan
    assert plan is not None
    assert PLANTED not in dump(plan)
    with stand.ports() as ports:
        done = execute_plan(load(dump(plan)), ports, stand.observe)
    assert done.state is TransactionState.COMMITTED, done.why
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert texts
    assert not [text for text in (*texts, repr(done)) if PLANTED in text]


def test_more_than_the_plan_deletes_is_still_a_regression(tmp_path: Path) -> None:
    """Somebody's other pod goes, too, and does not come back: the plan is not kept."""
    stand = Stand.make(tmp_path, world(app("cart", replicas=3, env={"START_DELAY_S": "20"})))
    graph = Graph(stand.observe())
    first, *others = sorted(
        pod["metadata"]["name"]
        for pod in stand.twin.peek("Pod", "shop")
        if pod["metadata"]["name"].startswith("cart-")
    )
    line = f"kubectl -n shop delete pod {first}"
    plan = plan_from_lines([line], stand.reading(), graph, "shop").plan
    assert plan is not None

    def also(ref: object) -> None:
        for name in others:
            pod = next(
                item for item in stand.twin.peek("Pod", "shop") if item["metadata"]["name"] == name
            )
            target = Ref("Pod", "shop", name, "v1")
            stand.twin.delete(target, uid=pod["metadata"]["uid"])
        others.clear()

    stand.cluster.after_write = also
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is not TransactionState.COMMITTED, done.why
