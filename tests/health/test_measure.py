"""The vector of each unit, and the number for people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stratus_cli.health.measure import measure
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Severity
from stratus_cli.model.health import PodStage, UnitHealth
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, Gap, GapReason, Signals, Traffic
from tests.health.samples import (
    AT,
    CART,
    CART_SERVICE,
    a_service,
    deployment,
    endpoints,
    finding,
    graph,
    pod,
    pods,
    replica_set,
    running,
)


def unit(seen: Graph, ref: Ref = CART) -> UnitHealth:
    return measure(seen, ()).units[ref]


def traffic(ref: Ref, requests: float | None, errors: float, p99: float) -> Signals:
    return Signals(traffic=(Traffic(ref, 60.0, requests, errors, p99, AT),))


def test_a_workload_that_is_well() -> None:
    """Everything it wants is ready and serves."""
    found = unit(graph(running()))
    assert (found.stage, found.ready, found.wanted) == (PodStage.READY, 3, 3)
    assert unit(graph(running()), CART_SERVICE).endpoints == 3


@pytest.mark.parametrize("stage", list(PodStage))
def test_the_least_advanced_pod_of_the_wanted_generation_counts(stage: PodStage) -> None:
    """scheduled < pulled < started < ready; old pods that still serve do not hide it."""
    seen = graph(
        deployment(), replica_set(revision=1), replica_set(revision=2), pods(revision=1),
        pods(count=3, revision=2)[1:], pod(revision=2, stage=stage),
    )  # fmt: skip
    assert unit(seen).stage == stage


def test_a_pod_that_is_missing_is_stage_none() -> None:
    """Refused by a quota, for instance: there is nothing to look at."""
    assert unit(graph(deployment(ready=2), replica_set(), pods(count=2))).stage is PodStage.NONE


def test_a_surplus_during_a_rollout_is_no_health_that_could_be_lost() -> None:
    """Four pods available of three wanted are three."""
    seen = graph(deployment(ready=4), replica_set(), pods(count=4), a_service(),
                 endpoints(numbers=range(4)))  # fmt: skip
    assert unit(seen).ready == 3
    assert unit(seen, CART_SERVICE).endpoints == 3


def test_endpoints_that_are_not_ready_do_not_serve() -> None:
    """Only what gets traffic counts."""
    seen = graph(deployment(), replica_set(), pods(), a_service(), endpoints(ready=False))
    assert unit(seen, CART_SERVICE).endpoints == 0


def test_endpoints_of_pods_that_the_service_does_not_mean_do_not_count() -> None:
    """A leftover address, of a pod that is gone or of another workload, serves nothing."""
    behind = [deployment(), replica_set(), pods(), a_service()]
    strays = endpoints(numbers=[7, 8])
    strays["metadata"]["name"] = "cart-old"
    seen = graph(*behind, endpoints(numbers=[0]), strays)
    assert unit(seen, CART_SERVICE).endpoints == 1


def test_one_pod_with_two_addresses_is_one_endpoint() -> None:
    """Of a Service with two address families."""
    seen = graph(running(count=1), endpoints(numbers=[0], family="IPv6"))
    assert unit(seen, CART_SERVICE).endpoints == 1


def test_a_service_without_selector_is_no_unit() -> None:
    """Its endpoints are managed elsewhere."""
    assert measure(graph(a_service(selector={})), ()).units == {}


def test_nodes_and_claims_are_units() -> None:
    """Ready or bound: one of one."""
    node = {
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
    }
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "status": {"phase": "Bound"},
    }
    found = measure(graph(node, claim), ()).units
    assert (found[Ref("Node", "", "n1")].ready, found[Ref("Node", "", "n1")].wanted) == (0, 1)
    assert found[Ref("PersistentVolumeClaim", "shop", "data")].ready == 1


def test_zero_replicas_is_an_outage_only_with_evidence_of_demand() -> None:
    """Parked: no availability at all, so no score. Wanted by somebody: zero."""
    seen = graph(deployment(replicas=0))
    assert measure(seen, ()).units[CART].score is None
    wanted = measure(seen, [finding("WRK204", CART)])
    assert wanted.units[CART].score == 0.0


def test_problems_are_those_of_the_unit_and_of_its_pods() -> None:
    """Outage and degraded ones, folded to the top owner; risks do not count."""
    seen = graph(running())
    found = measure(
        seen,
        [
            finding("POD104", Ref("Pod", "shop", "cart-1-0")),
            finding("WRK201", CART, Severity.DEGRADED),
            finding("WRK999", CART, Severity.RISK),
        ],
    )
    assert found.units[CART].problems == ("POD104", "WRK201")
    assert found.units[CART_SERVICE].problems == ()


def test_the_score_of_a_unit_that_has_all_terms_is_the_formula() -> None:
    """0.5*availability - 0.3*error_rate - 0.2*latency share, to the letter."""
    found = unit(graph(running(), signals=traffic(CART, 100, 0.5, 0.25)))
    assert found.score == pytest.approx(0.5 * 1.0 - 0.3 * 0.5 - 0.2 * 0.25)


def test_a_term_that_no_source_measures_is_left_out() -> None:
    """Availability alone is the score, then."""
    assert unit(graph(running())).score == 1.0
    assert unit(graph(deployment(ready=1), replica_set(), pods())).score == pytest.approx(1 / 3)


def test_fewer_than_twenty_requests_is_no_traffic() -> None:
    """Left out: readiness, endpoints and findings decide."""
    few = unit(graph(running(), signals=traffic(CART, 19, 1.0, 9.0)))
    assert (few.error_rate, few.p99_s, few.score) == (None, None, 1.0)
    enough = unit(graph(running(), signals=traffic(CART, 20, 1.0, 9.0)))
    assert enough.error_rate == 1.0


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), -1.0])
def test_figures_that_are_none_are_left_out(strange: float) -> None:
    """0/0 at the source must not make a number here."""
    found = unit(graph(running(), signals=traffic(CART, 100, strange, strange)))
    assert (found.error_rate, found.p99_s, found.score) == (None, None, 1.0)


def test_total_is_the_mean_and_the_worst_is_named() -> None:
    """Over the units that have a score."""
    seen = graph(running(), deployment("pay", ready=0), replica_set("pay"))
    found = measure(seen, ())
    assert found.worst == Ref("Deployment", "shop", "pay")
    assert found.score == pytest.approx((1.0 + 0.0 + 1.0) / 3)
    empty = measure(graph(), ())
    assert (empty.score, empty.worst) == (None, None)


def test_alerts_count_for_the_unit_that_their_labels_name() -> None:
    """A pod's for its workload."""
    alerts = (
        Alert("OnPod", {"namespace": "shop", "pod": "cart-1-0"}, AT - timedelta(minutes=5)),
        Alert("OnService", {"namespace": "shop", "service": "cart"}),
        Alert("Elsewhere", {"namespace": "blog", "deployment": "cart"}),
    )
    found = measure(graph(running(), signals=Signals(alerts=alerts)), ()).units
    assert found[CART].alerts == ("OnPod",)
    assert found[CART_SERVICE].alerts == ("OnService",)


def test_what_could_not_be_read_is_named() -> None:
    """Absence of a unit proves nothing then."""
    gaps = (Gap("Deployment", GapReason.FORBIDDEN), Gap("prometheus", GapReason.ABSENT))
    assert measure(graph(running(), gaps=gaps), ()).unread == ("Deployment", "prometheus")
