"""The gate's cases by name that need telemetry over HTTP, a large cluster, or an undo.

The others are in test_gate.py. All run on the twin, through the flow that `mitigate` runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from stratus_cli.flow.mitigate import execute_plan, watch_after
from stratus_cli.flow.observe import observe
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Limits
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from stratus_cli.model.snapshot import Snapshot
from tests.flow.monitoring import Load, Monitoring
from tests.flow.stand import SHOP, Stand
from tests.flow.worlds import Item, app, broken_image

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
DOWN = Load(10, errors=1.0, seconds=0.002)
LONG_S = 3600.0


def execute(
    stand: Stand, plan: Plan, monitoring: Monitoring, watch_s: float = 0
) -> tuple[TransactionReport, tuple[str, ...]]:
    """The transaction, and what the watch after it found."""
    with monitoring.sources() as sources, stand.ports() as ports:
        using = replace(ports, sources=sources)

        def look() -> Snapshot:
            return observe(using, SHOP)

        done = execute_plan(plan, using, look)
        return done, watch_after(plan, using, look, watch_s)


def once(act: Callable[[], None]) -> Callable[[Ref], None]:
    """A hook on writes that acts at the first one."""
    left = [act]
    return lambda ref: left.pop()() if left else None


def test_alerts_still_firing_90_s_after_a_right_fix_must_commit(tmp_path: Path) -> None:
    """Alerts still firing 90 s after a right fix (must commit): neither good nor bad news.

    The watch after the commit keeps it, too, though one more of them begins meanwhile.
    """
    stand = Stand.make(tmp_path, broken_image())
    monitoring = Monitoring(stand)
    monitoring.fires("CartDown", ago_s=50, deployment="cart")
    plan = stand.plan()

    def late() -> None:
        monitoring.fires("CartBurnsItsBudget", service="cart")

    stand.cluster.after_write = once(late)
    done, worse = execute(stand, plan, monitoring, 90)
    assert done.state is COMMITTED, done.why
    assert worse == ()
    assert len(monitoring.alerts) == 2


def test_prometheus_gone_during_validation_must_not_commit(tmp_path: Path) -> None:
    """Prometheus gone during validation (must not commit): unknown is not good."""
    stand = Stand.make(tmp_path, broken_image())
    monitoring = Monitoring(stand)
    monitoring.serves("cart", DOWN, ago_s=LONG_S)
    before = stand.spec()
    plan = stand.plan()
    stand.cluster.after_write = once(lambda: setattr(monitoring, "up", False))
    done, _ = execute(stand, plan, monitoring)
    assert done.state is UNDONE, done.why
    assert "prometheus answered before" in done.why
    assert stand.spec() == before


def test_a_service_that_failed_in_2_ms_and_answers_in_80_must_commit(tmp_path: Path) -> None:
    """A Service that failed in 2 ms and now answers in 80 (must commit)."""
    stand = Stand.make(tmp_path, broken_image())
    monitoring = Monitoring(stand)
    # A few get through, in 2 ms.
    monitoring.serves("cart", Load(10, errors=0.5, seconds=0.002), ago_s=LONG_S)
    plan = stand.plan()
    stand.cluster.after_write = once(lambda: monitoring.serves("cart", Load(10, 0.0, 0.080)))
    done, _ = execute(stand, plan, monitoring)
    assert done.state is COMMITTED, done.why


def test_a_service_whose_errors_grow_at_the_cost_of_another_must_be_undone(tmp_path: Path) -> None:
    """Improvement of one Service at the cost of another (must undo): every pod stays ready."""
    stand = Stand.make(tmp_path, broken_image(*app("catalog", env={"UPSTREAMS": "cart:80"})))
    monitoring = Monitoring(stand)
    monitoring.serves("cart", DOWN, ago_s=LONG_S)
    monitoring.serves("catalog", Load(10), ago_s=LONG_S)
    before = stand.spec()
    plan = stand.plan()

    def trade() -> None:
        monitoring.serves("cart", Load(10))
        monitoring.serves("catalog", Load(10, errors=0.4))

    stand.cluster.after_write = once(trade)
    done, _ = execute(stand, plan, monitoring)
    assert done.state is UNDONE, done.why
    assert "catalog" in done.why
    assert stand.spec() == before


def test_undo_of_a_good_fix_must_restore_the_fault(tmp_path: Path) -> None:
    """Undo of a good fix (must restore the fault): fidelity decides, not health."""
    stand = Stand.make(tmp_path, broken_image())
    before = stand.spec()
    plan = stand.plan()
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
        assert done.state is COMMITTED, done.why
        assert not stand.look().incidents
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert [tx.state for tx in report.transactions] == [COMMITTED]
    assert stand.spec() == before
    assert stand.look().incidents


def large(pods: int) -> str:
    """So many pods around the broken cart: a hundred and more of each of many workloads."""
    others = [item for n in range(pods // 100) for item in app(f"app{n}", replicas=100)]
    box = {"name": "work", "image": "stratus/app:1", "command": ["python3"]}
    job: Item = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "report", "namespace": "shop"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [box]}}},
    }
    content = yaml.safe_load(broken_image(*others, job))
    content["nodes"] = [
        {"name": f"node{n}", "allocatable": {"cpu": "8", "memory": "64Gi", "pods": "250"}}
        for n in range(pods // 200 + 1)
    ]
    return yaml.dump(content)


def test_an_unrelated_job_that_ends_or_pod_that_dies_in_2_000_pods_must_not_abort(
    tmp_path: Path,
) -> None:
    """An unrelated Job that ends or pod that dies meanwhile in a 2,000-pod twin: must not abort."""
    stand = Stand.make(tmp_path, large(2000))
    stand.limits = Limits(poll_s=5.0, watch_s=0.0)  # each look reads all of them
    monitoring = Monitoring(stand)
    plan = stand.plan()

    def live() -> None:
        stand.twin.delete(Ref("Pod", "shop", pod_of(stand, "app3-"), "v1"), uid="")
        stand.twin.delete(Ref("Job", "shop", "report", "batch/v1"), uid="")

    stand.cluster.after_write = once(live)
    done, worse = execute(stand, plan, monitoring)
    assert done.state is COMMITTED, done.why
    assert worse == ()


def pod_of(stand: Stand, prefix: str) -> str:
    """The first pod of this name."""
    names = (
        str(item["metadata"]["name"])
        for page in stand.twin.list_pages("Pod", "shop")
        for item in json.loads(page)["items"]
    )
    return next(name for name in names if name.startswith(prefix))
