"""What is kept and what is taken back (TNR): better for somebody, worse for nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.observe import observe
from stratus_cli.flow.plan import candidates, plan_from_lines
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Forbidden,
    RequestTimeout,
    StratusError,
)
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from stratus_cli.model.snapshot import Alert, Gap, GapReason, Snapshot, Traffic
from tests.fakes.faulty import FaultyCluster
from tests.flow.stand import CART, RUNBOOKS, SHOP, Stand
from tests.flow.worlds import (
    NEVER_PUSHED,
    Item,
    app,
    broken_image,
    patched,
    set_box,
    world,
)

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
BLOCKED = TransactionState.BLOCKED
CATALOG = Ref("Deployment", "shop", "catalog", "apps/v1")


def stand_of(folder: Path, text: str) -> Stand:
    return Stand.make(folder, text)


def by_hand(stand: Stand, *lines: str) -> Plan:
    """A plan of these lines for the worst incident."""
    seen = stand.look()
    made = plan_from_lines(lines, stand.reading(), seen.detection.graph, "shop", seen.incidents[0])
    assert made.plan is not None, made.refusal
    return made.plan


def execute(stand: Stand, plan: Plan, **sources: Any) -> TransactionReport:
    with stand.ports() as ports:
        using = replace(ports, **sources)
        return execute_plan(plan, using, lambda: observe(using, SHOP))


def specs(stand: Stand, *names: str) -> list[object]:
    return [stand.spec(Ref("Deployment", "shop", name, "apps/v1")) for name in names]


# Others


def test_an_unrelated_broken_workload_neither_blocks_nor_is_touched(tmp_path: Path) -> None:
    """An unrelated broken workload from before (must neither block nor be touched)."""
    text = broken_image(*app("lost", image="stratus/app:gone"), *app("crash", env={"PORT": "0"}))
    stand = stand_of(tmp_path, text)
    before = specs(stand, "lost", "crash")
    seen = stand.look()
    (incident,) = (item for item in seen.incidents if item.roots[0].root == CART)
    made = candidates(incident, seen.detection.graph, stand.reading(), RUNBOOKS)
    assert made[0].plan is not None
    done = execute(stand, made[0].plan)
    assert done.state is COMMITTED, done.why
    assert specs(stand, "lost", "crash") == before
    assert {ref.name for ref in made[0].plan.targets} == {"cart"}


@pytest.mark.parametrize(
    "harm",
    [
        f"kubectl -n shop set image deployment/catalog app={NEVER_PUSHED}",
        "kubectl -n shop scale deployment/catalog --replicas=0",
        "kubectl -n shop scale deployment/catalog --replicas=1",
        "kubectl -n shop patch service catalog --type=merge -p"
        ' \'{"spec":{"selector":{"app":"nobody"}}}\'',
        "kubectl -n shop patch service catalog --type=merge -p"
        ' \'{"spec":{"selector":{"app":"cart"}}}\'',
        "kubectl -n shop delete service catalog",
    ],
)
def test_one_service_better_at_the_cost_of_another_is_undone(tmp_path: Path, harm: str) -> None:
    """Improvement of one Service at the cost of another (must undo)."""
    stand = stand_of(tmp_path, broken_image(*app("catalog", replicas=2)))
    catalog = Ref("Service", "shop", "catalog", "v1")
    before = specs(stand, "cart", "catalog"), stand.spec(catalog)
    fix = "kubectl -n shop set image deployment/cart app=stratus/app:1"
    done = execute(stand, by_hand(stand, fix, harm))
    assert done.state is UNDONE, done.why
    assert "catalog" in done.why
    now = specs(stand, "cart", "catalog"), stand.spec(catalog)
    assert now[0] == before[0]
    assert _plain(now[1]) == _plain(before[1])


def test_harm_to_another_unit_aborts_at_once(tmp_path: Path) -> None:
    """Before the rollout that would be judged has ended."""
    stand = stand_of(tmp_path, broken_image(*app("catalog", replicas=2)))
    slow = "kubectl -n shop set env deployment/cart NOTHING=1"
    harm = "kubectl -n shop scale deployment/catalog --replicas=0"
    done = execute(stand, by_hand(stand, slow, harm))
    assert done.state is UNDONE
    assert "catalog" in done.why
    assert done.waited_s < 20


def _plain(spec: object) -> object:
    """Addresses that the server gives are given anew to a Service that was created again."""
    assert isinstance(spec, dict)
    inner = {key: value for key, value in spec["spec"].items() if not key.startswith("clusterIP")}
    return {**spec, "spec": inner}


def test_what_somebody_else_scales_down_meanwhile_is_not_ours(tmp_path: Path) -> None:
    """It is whole at its new size."""
    stand = stand_of(tmp_path, broken_image(*app("catalog", replicas=2)))
    plan = stand.plan()

    def scale(ref: Ref) -> None:
        item = stand.twin.get(CATALOG)
        assert item is not None
        item["spec"]["replicas"] = 1
        stand.twin.replace(item)

    stand.cluster.before_write = scale
    done = execute(stand, plan)
    assert done.state is COMMITTED, done.why


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop scale deployment/cart --replicas=0",
        "kubectl -n shop delete deployment cart",
        "kubectl -n shop delete service cart",
    ],
)
def test_the_sick_workload_taken_away_counts_as_worst(tmp_path: Path, line: str) -> None:
    """Deleting or scaling away the sick workload (must count as worst).

    With ready pods of a former revision left it is refused before: they would not come back.
    """
    stand = stand_of(tmp_path, broken_image(spec={"strategy": {"type": "Recreate"}}))
    before = stand.spec()
    seen = stand.look()
    made = plan_from_lines([line], stand.reading(), seen.detection.graph, "shop", seen.incidents[0])
    if made.plan is None:
        assert made.refusal is not None
        assert made.refusal.check == "dependents"
        return
    done = execute(stand, made.plan)
    assert done.state is UNDONE, done.why
    assert stand.spec() == before


# No better


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop set image deployment/cart app=stratus/app:also-gone",
        "kubectl -n shop set image deployment/cart app=stratus/app:1.1-rc --record=false",
        "kubectl -n shop set env deployment/cart NOTHING=1",
        "kubectl -n shop label deployment/cart team=a",
    ],
)
def test_what_makes_nothing_better_is_undone_in_bounded_time(tmp_path: Path, line: str) -> None:
    """A change that makes nothing better (must undo), long before the rollout's ten minutes."""
    stand = stand_of(tmp_path, broken_image())
    before = stand.spec()
    seen = stand.look()
    made = plan_from_lines([line], stand.reading(), seen.detection.graph, "shop", seen.incidents[0])
    if made.plan is None:
        return  # the same value again is no plan
    done = execute(stand, made.plan)
    assert done.state is UNDONE, done.why
    assert done.waited_s < 200, done.why
    assert stand.spec() == before


def test_a_crash_loop_goes_round_and_is_no_progress(tmp_path: Path) -> None:
    """Running, terminated, backing off, running again: each look differs from the one before."""
    stand = stand_of(tmp_path, broken_image())
    line = "kubectl -n shop set image deployment/cart app=stratus/app:1"
    bad = "kubectl -n shop set env deployment/cart PORT=0"
    done = execute(stand, by_hand(stand, line, bad))
    assert done.state is UNDONE, done.why
    assert done.waited_s < 330, done.why


# Better


def test_two_faults_on_one_target_are_one_plan(tmp_path: Path) -> None:
    """Two faults on one target (one plan, must commit).

    Two containers of one pod got tags that were never pushed: one repair alone helps nobody.
    """
    helper = {"name": "helper", "image": "stratus/app:1", "env": [{"name": "PORT", "value": "99"}]}
    deployment, front = app("cart")
    deployment["spec"]["template"]["spec"]["containers"].append(helper)
    boxes = [{"name": name, "image": NEVER_PUSHED} for name in ("app", "helper")]
    patch = {"spec": {"template": {"spec": {"containers": boxes}}}}
    text = world([deployment, front], [patched("Deployment", "cart", 30, patch)], settle=90)
    stand = stand_of(tmp_path, text)
    seen = stand.look()
    (incident,) = seen.incidents
    assert len(incident.roots) == 2
    made = candidates(incident, seen.detection.graph, stand.reading(), RUNBOOKS)
    assert made[0].plan is not None, made[0].refusal
    assert len(made[0].plan.steps) == 2
    done = execute(stand, made[0].plan)
    assert done.state is COMMITTED, done.why
    assert not stand.look().incidents


@pytest.mark.parametrize("sources", [(), ("quiet",)])
def test_without_traffic_readiness_decides(tmp_path: Path, sources: tuple[str, ...]) -> None:
    """No traffic at all (readiness decides, must commit): no source, or under 20 requests."""
    stand = stand_of(tmp_path, broken_image())
    told = tuple(Told(traffic=(figures(CART, 3, 1.0),)) for _ in sources)
    done = execute(stand, stand.plan(), sources=told)
    assert done.state is COMMITTED, done.why


@pytest.mark.parametrize("strategy", ["RollingUpdate", "Recreate"])
def test_a_slow_start_is_waited_for(tmp_path: Path, strategy: str) -> None:
    """Minutes without any movement are no failure where earlier pods, or the probes, say so."""
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5}
    slow = {"startupProbe": {**probe, "failureThreshold": 40}}
    text = world(
        app(
            "cart",
            env={"START_DELAY_S": "150"},
            container=slow,
            spec={"strategy": {"type": strategy}},
        ),
        [set_box("cart", 200, image=NEVER_PUSHED)],
        settle=260,
    )
    stand = stand_of(tmp_path, text)
    done = execute(stand, stand.plan())
    assert done.state is COMMITTED, done.why


def test_a_slow_pull_is_waited_for(tmp_path: Path) -> None:
    text = broken_image().replace("name: stratus/app", "name: stratus/app\n  pull_s: 200")
    stand = stand_of(tmp_path, text)
    stand.twin.advance(400)
    done = execute(
        stand, by_hand(stand, "kubectl -n shop set image deployment/cart app=stratus/app:2")
    )
    assert done.state is COMMITTED, done.why


def crash_looping() -> str:
    """catalog reads a ConfigMap that lost a key, and is in the longest back-off."""
    volumes = [{"name": "config", "configMap": {"name": "catalog"}}]
    mounts = {"volumeMounts": [{"name": "config", "mountPath": "/etc/catalog"}]}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "catalog", "namespace": "shop"},
        "data": {"catalog.json": "not json"},
    }
    env = {"CONFIG": "/etc/catalog/catalog.json"}
    return world(
        [config, *app("catalog", env=env, container=mounts, pod={"volumes": volumes})],
        settle=1500,
    )


def test_a_pod_in_the_longest_back_off_is_waited_for(tmp_path: Path) -> None:
    """A crash-looping pod in 300 s back-off (must wait or delete it, must commit).

    The ConfigMap is right at once; the pod that reads it starts again up to 300 s later.
    """
    stand = stand_of(tmp_path, crash_looping())
    line = (
        'kubectl -n shop patch configmap catalog --type=merge -p \'{"data":{"catalog.json":"{}"}}\''
    )
    done = execute(stand, by_hand(stand, line))
    assert done.state is COMMITTED, done.why
    assert done.waited_s > 60


def test_a_config_map_that_is_still_wrong_is_given_up(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, crash_looping())
    line = (
        "kubectl -n shop patch configmap catalog --type=merge -p"
        ' \'{"data":{"catalog.json":"neither"}}\''
    )
    done = execute(stand, by_hand(stand, line))
    assert done.state is UNDONE, done.why
    assert done.waited_s < 700


# The size and life of the rest


def test_life_elsewhere_in_a_large_cluster_does_not_abort(tmp_path: Path) -> None:
    """A Job ends and a pod dies (and is replaced) while the transaction is open."""
    others = [item for number in range(20) for item in app(f"app{number}", replicas=2)]
    job: Item = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "report", "namespace": "shop"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": []}}},
    }
    stand = stand_of(tmp_path, broken_image(*others, job))
    plan = stand.plan()

    def live(ref: Ref) -> None:
        name = _pod_of(stand, "app3-")
        stand.twin.delete(Ref("Pod", "shop", name, "v1"), uid="")
        stand.twin.delete(Ref("Job", "shop", "report", "batch/v1"), uid="")

    stand.cluster.before_write = live
    done = execute(stand, plan)
    assert done.state is COMMITTED, done.why


def _pod_of(stand: Stand, prefix: str) -> str:
    import json

    for page in stand.twin.list_pages("Pod", "shop"):
        for item in json.loads(page)["items"]:
            name: str = item["metadata"]["name"]
            if name.startswith(prefix):
                return name
    raise AssertionError(prefix)


class NamespaceOnly(FaultyCluster):
    """What a person with a Role in one namespace sees."""

    def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
        if namespace != "shop":
            raise Forbidden(403, "Forbidden", f"cannot list {kind} at the cluster scope", kind)
        return super().list_pages(kind, namespace)

    def get(self, ref: Ref) -> dict[str, Any] | None:
        if ref.namespace != "shop":
            raise Forbidden(403, "Forbidden", f"cannot get {ref.kind}", str(ref))
        return super().get(ref)


def test_a_namespace_only_user_commits_on_what_he_can_read(tmp_path: Path) -> None:
    """A namespace-only user (commits on what he can read).

    Nodes, quotas of others and cluster-scoped kinds stay unread, before and after.
    """
    stand = stand_of(tmp_path, broken_image())
    stand.cluster = NamespaceOnly(stand.twin)
    done = execute(stand, stand.plan())
    assert done.state is COMMITTED, done.why


def test_without_the_targets_pods_nothing_is_written(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, broken_image())
    plan = stand.plan()

    class NoPods(FaultyCluster):
        def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
            if kind == "Pod":
                raise Forbidden(403, "Forbidden", "cannot list pods", kind)
            return super().list_pages(kind, namespace)

    stand.cluster = NoPods(stand.twin)
    done = execute(stand, plan)
    assert done.state is BLOCKED
    assert "readable target" in done.why
    assert stand.cluster.writes == 0


# Telemetry


SINCE = datetime.fromisoformat("2026-11-24T09:00:40+00:00")


def figures(ref: Ref, requests: float, error_rate: float) -> Traffic:
    return Traffic(ref, 60.0, requests, error_rate, 0.1, SINCE)


@dataclass
class Told:
    """A source of telemetry that says what the test tells it."""

    name: str = "prometheus"
    traffic: tuple[Traffic, ...] = ()
    alerts: tuple[Alert, ...] = ()
    answers: int = 10**9
    asked: int = field(default=0)

    def read(self, snap: Snapshot) -> Snapshot:
        self.asked += 1
        if self.asked > self.answers:
            gap = Gap(self.name, GapReason.TIMED_OUT, "no answer")
            return replace(snap, gaps=(*snap.gaps, gap))
        signals = replace(
            snap.signals,
            traffic=(*snap.signals.traffic, *self.traffic),
            alerts=(*snap.signals.alerts, *self.alerts),
        )
        return replace(snap, signals=signals)


def test_telemetry_that_answered_before_and_is_gone_never_commits(tmp_path: Path) -> None:
    """Unknown is not good."""
    stand = stand_of(tmp_path, broken_image())
    before = stand.spec()
    done = execute(stand, stand.plan(), sources=(Told(answers=2),))
    assert done.state is UNDONE, done.why
    assert "prometheus answered before" in done.why
    assert stand.spec() == before


def test_telemetry_that_never_answered_is_not_judged(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, broken_image())
    done = execute(stand, stand.plan(), sources=(Told(answers=0),))
    assert done.state is COMMITTED, done.why


def test_a_stale_alert_does_not_undo_a_right_fix(tmp_path: Path) -> None:
    """It keeps firing for minutes after the repair: neither good nor bad news."""
    stand = stand_of(tmp_path, broken_image())
    labels = {"namespace": "shop", "deployment": "cart", "severity": "critical"}
    alert = Alert("CartDown", labels, SINCE, SINCE)
    done = execute(stand, stand.plan(), sources=(Told("alertmanager", alerts=(alert,)),))
    assert done.state is COMMITTED, done.why


def test_more_errors_of_another_unit_undo_the_fix(tmp_path: Path) -> None:
    """Requests fail elsewhere though every pod is ready."""
    stand = stand_of(tmp_path, broken_image(*app("catalog")))
    catalog = Ref("Service", "shop", "catalog")
    source = Told(traffic=(figures(catalog, 1000, 0.0),))

    def fail(ref: Ref) -> None:
        source.traffic = (figures(catalog, 1000, 0.4),)

    stand.cluster.before_write = fail
    done = execute(stand, stand.plan(), sources=(source,))
    assert done.state is UNDONE, done.why


# The budget, the API server, interrupts


@pytest.mark.parametrize("left", [70.0, 100.0, 300.0])
def test_the_budget_leaves_time_to_roll_back(tmp_path: Path, left: float) -> None:
    stand = stand_of(tmp_path, broken_image())
    plan = by_hand(stand, "kubectl -n shop set env deployment/cart NOTHING=1")
    with stand.ports() as ports:
        began = ports.clock.monotonic()
        done = execute_plan(plan, ports, stand.observe, left_s=left)
        took = ports.clock.monotonic() - began
    assert done.state is UNDONE, done.why
    assert took <= left - 55  # a minute is kept for the way back


def test_an_api_server_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, broken_image())
    plan = stand.plan()
    looks = {"seen": 0}

    def flaky() -> Snapshot:
        looks["seen"] += 1
        if 4 <= looks["seen"] <= 9:
            raise ClusterUnreachable("no answer", "the server")
        return stand.observe()

    with stand.ports() as ports:
        done = execute_plan(plan, ports, flaky)
    assert done.state is COMMITTED, done.why


@pytest.mark.parametrize(
    "error",
    [
        ClusterUnreachable("connection refused", "the server"),
        ClusterAnswer(503, "ServiceUnavailable", "starting", "the server"),
        RequestTimeout(504, "Timeout", "no answer in time", "the server"),
    ],
)
def test_an_api_server_that_restarts_while_it_settles_is_waited_for(
    tmp_path: Path, error: StratusError
) -> None:
    """Reads of the Lease fail, too: it is still ours when the server is back."""
    stand = stand_of(tmp_path, broken_image())
    plan = stand.plan()
    back_at = 0.0

    def stop(ref: Ref) -> None:
        nonlocal back_at
        back_at = stand.twin.elapsed_s() + 12

    def read(ref: Ref) -> None:
        if ref.kind == "Lease" and stand.twin.elapsed_s() < back_at:
            raise error

    stand.cluster.after_write, stand.cluster.before_read = stop, read
    done = execute(stand, plan)
    assert done.state is COMMITTED, done.why


def test_an_api_server_that_stays_away_rolls_back(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, broken_image())
    plan, before = stand.plan(), stand.spec()
    looks = {"seen": 0}

    def away() -> Snapshot:
        looks["seen"] += 1
        if looks["seen"] > 3:
            raise ClusterUnreachable("no answer", "the server")
        return stand.observe()

    with stand.ports() as ports:
        done = execute_plan(plan, ports, away)
    assert done.state is UNDONE
    assert "did not answer" in done.why
    assert stand.spec() == before


def test_a_defect_of_ours_while_watching_rolls_back(tmp_path: Path) -> None:
    """Whatever goes wrong after a write, the cluster is not left half changed."""
    stand = stand_of(tmp_path, broken_image())
    plan, before = stand.plan(), stand.spec()
    looks = {"seen": 0}

    def broken() -> Snapshot:
        looks["seen"] += 1
        if looks["seen"] > 3:
            raise KeyError("metadata")
        return stand.observe()

    with stand.ports() as ports:
        done = execute_plan(plan, ports, broken)
    assert done.state is UNDONE
    assert "defect" in done.why
    assert stand.spec() == before


@pytest.mark.parametrize("moment", [1, 2, 3, 5])
def test_an_interrupt_at_any_look_leaves_everything_as_before(tmp_path: Path, moment: int) -> None:
    """In the baseline, while settling, while the good state must hold."""
    stand = stand_of(tmp_path, broken_image())
    plan, before = stand.plan(), stand.spec()
    looks = {"seen": 0}

    def observing() -> Snapshot:
        looks["seen"] += 1
        stand.interrupt.requested = looks["seen"] >= moment
        return stand.observe()

    with stand.ports() as ports:
        done = execute_plan(plan, ports, observing)
    assert done.state is (BLOCKED if moment <= 2 else UNDONE), done.why
    assert "interrupted" in done.why
    assert stand.spec() == before
    if moment <= 2:
        assert stand.cluster.writes == 0


def test_a_plan_whose_incident_has_healed_is_blocked(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, broken_image())
    plan = stand.plan()
    item = stand.twin.get(CART)
    assert item is not None
    item["spec"]["template"]["spec"]["containers"][0]["image"] = "stratus/app:1"
    stand.twin.replace(item)
    stand.twin.advance(30)
    done = execute(stand, plan)
    assert done.state is BLOCKED
    assert "gone by itself" in done.why
    assert stand.cluster.writes == 0
