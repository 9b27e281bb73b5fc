"""Settling of each kind of the table beside Deployments: when nothing follows any more."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.health.settle import unsettled
from stratus_cli.model.ref import Ref
from tests.health.samples import (
    CART,
    CART_SERVICE,
    a_service,
    deployment,
    endpoints,
    graph,
    pod,
    pods,
    replica_set,
    running,
)


def waiting(*items: Any, ref: Ref, ill: tuple[Ref, ...] = ()) -> tuple[str, ...]:
    return unsettled(graph(*items), {ref: 0}, ill)


# StatefulSets and DaemonSets that are not rolled by their controller

STATEFUL, DAEMONS = Ref("StatefulSet", "shop", "db"), Ref("DaemonSet", "shop", "db")


def stateful(updated: int, **strategy: Any) -> dict[str, Any]:
    made = deployment("db", updated=updated, spec={"updateStrategy": strategy}) | {
        "kind": "StatefulSet"
    }
    made["status"] |= {"updateRevision": "db-2", "currentRevision": "db-1"}
    return made


def member(number: int, revision: int) -> dict[str, Any]:
    made = pod("db", number, owner={"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db",
                                    "uid": "uid-db", "controller": True})  # fmt: skip
    made["metadata"]["labels"]["controller-revision-hash"] = f"db-{revision}"
    made["metadata"]["name"] = f"db-{number}"
    return made


def test_what_is_replaced_on_delete_only_is_not_waited_for() -> None:
    """The controller does nothing by itself: whether it helped is for the verdict."""
    members = [member(number, 1) for number in range(3)]
    assert waiting(stateful(0, type="OnDelete"), members, ref=STATEFUL) == ()
    assert waiting(stateful(0, type="RollingUpdate"), members, ref=STATEFUL)
    daemons = deployment("db", spec={"updateStrategy": {"type": "OnDelete"}}) | {
        "kind": "DaemonSet"
    }
    daemons["status"] = {"observedGeneration": 2, "desiredNumberScheduled": 3,
                         "updatedNumberScheduled": 0, "numberAvailable": 3}  # fmt: skip
    assert waiting(daemons, ref=DAEMONS) == ()


@pytest.mark.parametrize(
    ("partition", "new", "settled"), [(2, 1, True), (1, 1, False), (0, 3, True)]
)
def test_pods_below_the_partition_stay_old(partition: int, new: int, settled: bool) -> None:
    """apps/v1: only ordinals of the partition and above are updated."""
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    members = [member(number, 2 if number >= 3 - new else 1) for number in range(3)]
    found = waiting(stateful(new, **rolling), members, ref=STATEFUL)
    assert (found == ()) == settled


# Services


def named(port: int, **more: Any) -> list[dict[str, Any]]:
    """The cart behind a Service that means its port by name."""
    made = pods(**more)
    for item in made:
        item["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": port}]
    return [deployment(), replica_set(), *made, a_service(target="web")]


def test_a_named_target_port_is_what_the_pods_call_so() -> None:
    """The slice has the number of before until its controller has seen the new name."""
    assert waiting(named(8080), endpoints(port=8080), ref=CART_SERVICE) == ()
    (found,) = waiting(named(8080), endpoints(port=9090), ref=CART_SERVICE)
    assert found == "Service cart: an endpoint port is still 9090, not 8080"


def test_a_port_that_the_slices_do_not_have_yet_is_waited_for() -> None:
    """Also where the target is a name; not where no pod has that name, which stays so."""
    bare = endpoints()
    bare["ports"] = []
    (found,) = waiting(named(8080), bare, ref=CART_SERVICE)
    assert found == "Service cart: its endpoints do not have port http yet"
    other = [deployment(), replica_set(), pods(), a_service(target="no-such-name")]
    assert waiting(*other, bare, ref=CART_SERVICE) == ()


# Jobs

JOB = Ref("Job", "shop", "import")


def job(**fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "import", "namespace": "shop", "uid": "uid-import"},
        "spec": {"parallelism": 2, "completions": 3, "suspend": fields.pop("suspend", False),
                 "template": {}},
        "status": fields,
    }  # fmt: skip


def test_a_job_that_is_suspended_has_no_pods() -> None:
    """They are deleted."""
    assert waiting(job(suspend=True, active=2), ref=JOB)
    assert waiting(job(suspend=True), ref=JOB) == ()


def test_a_job_runs_as_many_pods_as_it_may_or_has_ended() -> None:
    """A failed one has ended, too: what that means is for the verdict."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "import", "uid": "uid-import",
             "controller": True}  # fmt: skip
    workers = [pod("import", number, owner=owner) for number in range(2)]
    assert waiting(job(active=1), workers[:1], ref=JOB)
    assert waiting(job(active=2), workers, ref=JOB) == ()
    assert waiting(job(active=1, succeeded=2), workers[:1], ref=JOB) == ()
    for word in ("Complete", "Failed"):
        ended = job(conditions=[{"type": word, "status": "True"}])
        assert waiting(ended, ref=JOB) == ()


# Autoscalers

HPA = Ref("HorizontalPodAutoscaler", "shop", "cart")


def autoscaler(desired: int, least: int = 2, most: int = 5) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"minReplicas": least, "maxReplicas": most, "scaleTargetRef": target},
        "status": {"desiredReplicas": desired},
    }  # fmt: skip


def test_an_autoscaler_has_settled_when_its_workload_has_what_it_wants() -> None:
    """Not before its controller has seen new bounds; without a controller nothing is waited for."""
    assert waiting(autoscaler(3), running(), ref=HPA) == ()
    assert "has not seen" in waiting(autoscaler(1), running(), ref=HPA)[0]
    assert "wants 4 pods, cart 3" in waiting(autoscaler(4), running(), ref=HPA)[0]
    assert waiting(autoscaler(3), deployment(ready=1), ref=HPA)
    assert waiting(autoscaler(0), deployment(ready=1), ref=HPA) == ()


# Claims

CLAIM = Ref("PersistentVolumeClaim", "shop", "data")


def claim(phase: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"}, "status": {"phase": phase},
    }  # fmt: skip


def test_a_claim_is_bound_and_its_users_run() -> None:
    """One that nobody uses may wait for its first consumer for ever."""
    user = deployment(ready=1)
    user["spec"]["template"]["spec"]["volumes"] = [
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}
    ]
    assert "not bound" in waiting(claim("Pending"), user, ref=CLAIM)[0]
    assert waiting(claim("Bound"), user, ref=CLAIM) == (
        "Deployment cart: 1 of 3 pods are available",
    )
    assert waiting(claim("Pending"), ref=CLAIM) == ()


# What decides on pods before they are made


@pytest.mark.parametrize(
    "ref",
    [
        Ref("ValidatingWebhookConfiguration", "", "policy"),
        Ref("MutatingWebhookConfiguration", "", "policy"),
        Ref("ValidatingAdmissionPolicy", "", "policy"),
        Ref("LimitRange", "shop", "limits"),
        Ref("Namespace", "", "shop"),
    ],
    ids=lambda ref: ref.kind,
)
def test_admission_has_settled_when_nobody_is_refused_pods(ref: Ref) -> None:
    """In every namespace where the object is of the cluster."""
    refused = deployment(ready=0, conditions=[{"type": "ReplicaFailure", "status": "True"}])
    assert "refused" in waiting(refused, ref=ref)[0]
    assert waiting(running(), ref=ref) == ()


# What was broken before

SETTINGS = Ref("ConfigMap", "shop", "settings")


def test_a_consumer_that_was_broken_before_and_is_not_ours_is_not_waited_for() -> None:
    """Unless it was written itself."""
    readers = [deployment(ready=3), deployment("pay", ready=0)]
    for reader in readers:
        reader["spec"]["template"]["spec"]["volumes"] = [
            {"name": "v", "configMap": {"name": "settings"}}
        ]
    pay = Ref("Deployment", "shop", "pay")
    assert waiting(readers, ref=SETTINGS) == ("Deployment pay: 0 of 3 pods are available",)
    assert waiting(readers, ref=SETTINGS, ill=(pay,)) == ()
    written = {SETTINGS: 0, pay: 0}
    assert unsettled(graph(readers), written, (pay,))
    assert unsettled(graph(readers), {CART: 0}, (pay,)) == ()
