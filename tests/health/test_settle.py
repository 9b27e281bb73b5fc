"""Settling: what is still converging, per kind, in sentences for a person."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.health.settle import deadline_s, unsettled
from stratus_cli.model.health import PodStage
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

POD = Ref("Pod", "shop", "cart-1-0")


def waiting(*items: Any, ref: Ref = CART, generation: int = 2) -> tuple[str, ...]:
    return unsettled(graph(*items), {ref: generation})


def test_a_deployment_that_has_all_it_wants_is_settled() -> None:
    """And so is whatever nothing is known to follow from."""
    assert waiting(running()) == ()
    assert unsettled(graph(running()), {Ref("Lease", "shop", "x"): 0, CART_SERVICE: 0}) == ()


def test_the_controller_must_have_seen_the_generation_that_was_written() -> None:
    """Also when the object that was read is older than the write."""
    assert "has not seen" in waiting(running(), generation=3)[0]
    unseen = deployment(generation=3, observed=2)
    assert "has not seen" in waiting(unseen, replica_set(), pods(), generation=0)[0]


@pytest.mark.parametrize(
    ("changed", "says"),
    [({"updated": 1}, "1 of 3 pods are updated"), ({"ready": 1}, "1 of 3 pods are available")],
)
def test_a_deployment_short_of_pods_is_not_settled(changed: dict[str, int], says: str) -> None:
    """The sentence has both numbers."""
    assert says in " ".join(waiting(deployment(**changed), replica_set(), pods()))


def test_old_pods_must_be_gone() -> None:
    """New ones beside old ones are half a roll-out."""
    both = [deployment(), replica_set(revision=1), replica_set(revision=2)]
    found = waiting(both, pods(revision=2), pod(revision=1))
    assert "1 old pod still there" in " ".join(found)
    gone = pod(revision=1, terminating=True)
    assert waiting(both, pods(revision=2), gone) == ()


def test_a_paused_deployment_is_not_waited_for() -> None:
    """Its roll-out was stopped on purpose."""
    paused = deployment(updated=0, spec={"paused": True})
    assert waiting(paused, replica_set(), pods()) == ()


def test_a_service_waits_until_its_endpoints_are_its_ready_pods() -> None:
    """One too few, one too many, or another port."""
    behind = [deployment(), replica_set(), pods(), a_service()]
    assert waiting(*behind, endpoints(), ref=CART_SERVICE) == ()
    assert waiting(*behind, endpoints(numbers=range(2)), ref=CART_SERVICE)
    assert waiting(*behind, endpoints(numbers=range(4)), ref=CART_SERVICE)
    found = waiting(*behind, endpoints(port=9090), ref=CART_SERVICE)
    assert "still 9090, not 8080" in found[0]


def test_a_service_of_two_address_families_settles() -> None:
    """Each pod has an address of each family, and is one pod."""
    behind = [deployment(), replica_set(), pods(), a_service()]
    both = [endpoints(), endpoints(family="IPv6")]
    assert waiting(*behind, *both, ref=CART_SERVICE) == ()


def test_a_deleted_pod_is_waited_for_until_another_one_is_ready() -> None:
    """While it is terminating, and while its workload is short of one."""
    rest = [replica_set(), pods(count=3)[1:]]
    assert "terminating" in waiting(deployment(ready=2), rest, pod(terminating=True), ref=POD)[0]
    assert "2 of 3" in waiting(deployment(ready=2), rest, ref=POD)[0]
    assert waiting(deployment(), rest, pod(number=7), ref=POD) == ()
    assert waiting(ref=POD) == ()


def test_a_pod_on_a_node_that_does_not_answer_is_not_waited_for() -> None:
    """Nobody there says that it is gone; the one that takes its place is waited for still."""
    status = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "lost"}, "status": status}
    going = pod(terminating=True)
    going["spec"]["nodeName"] = "lost"
    rest = [node, going, replica_set(), pods(count=3)[1:]]
    assert "2 of 3" in waiting(deployment(ready=2), *rest, ref=POD)[0]
    assert waiting(deployment(), *rest, ref=POD) == ()


def test_a_configmap_waits_for_those_that_read_it() -> None:
    """And for nobody else."""
    ref = Ref("ConfigMap", "shop", "settings")
    reader = deployment(ready=1)
    reader["spec"]["template"]["spec"]["volumes"] = [
        {"name": "v", "configMap": {"name": "settings"}}
    ]
    other = deployment("pay", ready=0)
    (found,) = waiting(reader, other, ref=ref)
    assert found == "Deployment cart: 1 of 3 pods are available"


def test_a_quota_waits_until_nobody_is_refused_pods() -> None:
    """ReplicaFailure is the controller's word for it."""
    ref = Ref("ResourceQuota", "shop", "q")
    refused = deployment(ready=0, conditions=[{"type": "ReplicaFailure", "status": "True"}])
    assert "refused" in waiting(refused, ref=ref)[0]
    assert waiting(deployment(), ref=ref) == ()
    elsewhere = {**refused, "metadata": {**refused["metadata"], "namespace": "blog"}}
    assert waiting(elsewhere, ref=ref) == ()


def test_a_stateful_set_and_a_daemon_set() -> None:
    """By their own fields: revisions, and numbers scheduled."""
    stateful = deployment("db", updated=1)
    stateful |= {"kind": "StatefulSet"}
    stateful["status"] |= {"updateRevision": "db-2", "currentRevision": "db-1"}
    found = waiting(stateful, ref=Ref("StatefulSet", "shop", "db"))
    assert found == ("StatefulSet db: 1 of 3 pods are updated",)
    daemons = deployment("log")
    daemons |= {"kind": "DaemonSet"}
    daemons["status"] = {
        "observedGeneration": 2,
        "desiredNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberAvailable": 2,
    }
    found = waiting(daemons, ref=Ref("DaemonSet", "shop", "log"))
    assert found == ("DaemonSet log: 2 of 3 pods are available",)


def test_an_object_that_is_gone_is_not_waited_for() -> None:
    """The verdict says what that means."""
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Service", "Pod"):
        assert waiting(ref=Ref(kind, "shop", "none")) == ()


def test_deadlines() -> None:
    """progressDeadlineSeconds, the longest back-off, or a minute for endpoints alone."""
    seen = graph(deployment(spec={"progressDeadlineSeconds": 777}), a_service())
    assert deadline_s(seen, (CART,)) == 777
    assert deadline_s(seen, (CART_SERVICE,)) == 60
    assert deadline_s(seen, (CART_SERVICE, POD)) >= 300
    assert deadline_s(seen, ()) > 0


def test_stages_of_pods_do_not_matter_here() -> None:
    """Counts come from the workload's status; a pod that fails shows as not available."""
    failing = pod(stage=PodStage.SCHEDULED)
    assert waiting(deployment(ready=2), replica_set(), pods()[1:], failing)
