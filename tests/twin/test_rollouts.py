"""Deployments roll out, scale, stop and go back as the real controller does it."""

from __future__ import annotations

from stratus_cli.cluster.twin.world import Target
from stratus_cli.model.ref import Ref
from tests.twin.stand import (
    IMAGE,
    SPACE,
    condition,
    deployment,
    endpoints,
    get,
    listed,
    messages,
    pod_spec,
    pods,
    ready,
    service,
    twin,
)

REVISION = "deployment.kubernetes.io/revision"


def test_deployment_becomes_available() -> None:
    """A new Deployment gets its pods, says so, and its Service gets them as endpoints."""
    made = twin(deployment(), service(), run_s=10)
    status = get(made, "Deployment", "web")["status"]
    assert status["readyReplicas"] == status["availableReplicas"] == status["updatedReplicas"] == 2
    assert condition({"status": status}, "Available")["reason"] == "MinimumReplicasAvailable"
    assert condition({"status": status}, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert len(ready(made)) == 2
    assert endpoints(made) == ready(made)
    name = listed(made, "ReplicaSet")[0]["metadata"]["name"]
    assert messages(made, "ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 2"]
    assert {pod["spec"]["nodeName"] for pod in pods(made)} == {"node1", "node2"}


def test_objects_are_defaulted_and_tracked() -> None:
    """Defaults, generation, uid and managedFields are there as the API server gives them."""
    made = twin(deployment(), service(), run_s=10)
    item = get(made, "Deployment", "web")
    assert item["spec"]["strategy"]["rollingUpdate"] == {
        "maxUnavailable": "25%",
        "maxSurge": "25%",
    }
    container = pod_spec(item)["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["readinessProbe"]["failureThreshold"] == 3
    assert container["ports"][0]["protocol"] == "TCP"
    assert item["metadata"]["generation"] == item["status"]["observedGeneration"] == 1
    entry = item["metadata"]["managedFields"][0]
    assert entry["manager"] == "kubectl-client-side-apply"
    owned = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert "f:image" in owned['k:{"name":"app"}']
    svc = get(made, "Service", "web")
    assert svc["spec"]["clusterIP"].startswith("10.96.")
    assert svc["spec"]["type"] == "ClusterIP"


def test_change_rolls_over_without_outage() -> None:
    """A new template surges by one; the old pods go only as new ones are ready."""
    made = twin(deployment(replicas=4), service(), run_s=10)
    made.apply(deployment(replicas=4, image=f"{IMAGE}:2"))
    fewest = 4
    for _ in range(100):
        made.advance(0.2)
        fewest = min(fewest, len(endpoints(made)))
    assert fewest >= 3  # 25 % of 4 may be missing
    item = get(made, "Deployment", "web")
    assert item["metadata"]["annotations"][REVISION] == "2"
    assert {pod["spec"]["containers"][0]["image"] for pod in pods(made)} == {f"{IMAGE}:2"}
    assert condition(item, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert len(listed(made, "ReplicaSet")) == 2


def test_bad_image_stops_the_rollout_until_the_deadline() -> None:
    """With 2 replicas the old pods stay; after 600 s the deadline is said to be exceeded."""
    made = twin(deployment(), service(), run_s=10)
    made.apply(deployment(image=f"{IMAGE}:nope"))
    made.advance(60)
    item = get(made, "Deployment", "web")
    assert len(endpoints(made)) == 2
    assert item["status"]["updatedReplicas"] == 1
    assert condition(item, "Progressing")["reason"] == "ReplicaSetUpdated"
    made.advance(560)
    progress = condition(get(made, "Deployment", "web"), "Progressing")
    assert (progress["status"], progress["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_going_back_reuses_the_replica_set() -> None:
    """The old template's ReplicaSet becomes revision 3; both templates are kept."""
    made = twin(deployment(), run_s=10)
    first = listed(made, "ReplicaSet")[0]["metadata"]["name"]
    made.apply(deployment(image=f"{IMAGE}:2"))
    made.advance(20)
    made.apply(deployment())
    made.advance(20)
    sets = {item["metadata"]["name"]: item for item in listed(made, "ReplicaSet")}
    assert len(sets) == 2
    assert sets[first]["metadata"]["annotations"][REVISION] == "3"
    assert sets[first]["spec"]["replicas"] == 2


def test_scaling_keeps_the_replica_set_and_says_so() -> None:
    """Scaling makes no new revision; zero replicas leaves no endpoints."""
    made = twin(deployment(), service(), run_s=10)
    made.patch(
        Target(kind="Deployment", namespace=SPACE, name="web", merge={"spec": {"replicas": 0}})
    )
    made.advance(10)
    assert pods(made) == []
    assert endpoints(made) == []
    name = listed(made, "ReplicaSet")[0]["metadata"]["name"]
    assert f"Scaled down replica set {name} from 2 to 0" in messages(made, "ScalingReplicaSet")
    made.patch(
        Target(kind="Deployment", namespace=SPACE, name="web", merge={"spec": {"replicas": 3}})
    )
    made.advance(10)
    assert len(ready(made)) == 3
    assert len(listed(made, "ReplicaSet")) == 1


def test_recreate_takes_all_old_pods_first() -> None:
    """With strategy Recreate there is a moment without any pod."""
    item = deployment()
    item["spec"]["strategy"] = {"type": "Recreate"}
    made = twin(item, service(), run_s=10)
    item = deployment(image=f"{IMAGE}:2")
    item["spec"]["strategy"] = {"type": "Recreate"}
    made.apply(item)
    fewest = 2
    for _ in range(100):
        made.advance(0.2)
        images = {pod["spec"]["containers"][0]["image"] for pod in pods(made)}
        assert len(images) <= 1
        fewest = min(fewest, len(endpoints(made)))
    assert fewest == 0
    assert len(endpoints(made)) == 2


def test_paused_rollout_waits() -> None:
    """While paused a new template is not rolled out; resumed it is."""
    made = twin(deployment(), run_s=10)
    paused = deployment(image=f"{IMAGE}:2")
    paused["spec"]["paused"] = True
    made.apply(paused)
    made.advance(10)
    assert len(listed(made, "ReplicaSet")) == 1
    assert condition(get(made, "Deployment", "web"), "Progressing")["reason"] == "DeploymentPaused"
    made.apply(deployment(image=f"{IMAGE}:2"))
    made.advance(20)
    assert {pod["spec"]["containers"][0]["image"] for pod in pods(made)} == {f"{IMAGE}:2"}


def test_history_is_limited() -> None:
    """Only revisionHistoryLimit old ReplicaSets are kept."""
    for number in range(4):
        item = deployment(env=[{"name": "N", "value": str(number)}])
        item["spec"]["revisionHistoryLimit"] = 1
        if number == 0:
            made = twin(item, run_s=10)
        else:
            made.apply(item)
            made.advance(20)
    assert len(listed(made, "ReplicaSet")) == 2


def test_deleted_deployment_takes_its_pods_along() -> None:
    """Background deletion: ReplicaSets, then pods; with orphan they stay and are adopted again."""
    made = twin(deployment(), run_s=10)
    item = get(made, "Deployment", "web")
    names = [pod["metadata"]["name"] for pod in pods(made)]
    ref = Ref("Deployment", SPACE, "web", "apps/v1")
    made.delete(ref, uid=item["metadata"]["uid"], orphan=True)
    made.advance(10)
    assert [pod["metadata"]["name"] for pod in pods(made)] == names
    assert "ownerReferences" not in listed(made, "ReplicaSet")[0]["metadata"]
    made.apply(deployment())
    made.advance(10)
    assert [pod["metadata"]["name"] for pod in pods(made)] == names
    made.delete(ref, uid="")
    made.advance(10)
    assert pods(made) == []
    assert listed(made, "ReplicaSet") == []


def test_deleted_pod_is_replaced() -> None:
    """The ReplicaSet makes another pod at once; the old one ends gracefully and is gone."""
    made = twin(deployment(), service(), run_s=10)
    old = pods(made)[0]["metadata"]
    made.delete(Ref("Pod", SPACE, old["name"], "v1"), uid=old["uid"])
    made.advance(0.2)
    assert old["name"] not in endpoints(made)
    made.advance(10)
    assert len(ready(made)) == 2
    assert old["name"] not in ready(made)
