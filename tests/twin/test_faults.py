"""Each fault shows itself with kubelet's and the scheduler's real reasons, messages and events."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.cluster.twin.world import NodeSpec, Target
from stratus_cli.model.errors import NotFound
from stratus_cli.model.ref import Ref
from tests.twin.stand import (
    IMAGE,
    SPACE,
    condition,
    container,
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


def states(
    made: Any, seconds: float, group: str = "containerStatuses", name: str = "app"
) -> list[str]:
    """The states of the first pod's container, each once in a row, while time passes."""
    seen: list[str] = []
    for _ in range(int(seconds * 4)):
        made.advance(0.25)
        for pod in pods(made)[:1]:
            if not pod["status"].get(group):
                continue
            state = container(pod, name, group)["state"]
            word = next(iter(state))
            shown = state[word].get("reason", word)
            if not seen or seen[-1] != shown:
                seen.append(shown)
    return seen


def test_image_that_does_not_exist() -> None:
    """ErrImagePull, then ImagePullBackOff, in turns; the events say "not found"."""
    made = twin(deployment(image=f"{IMAGE}:nope"))
    assert states(made, 60)[:4] == [
        "ContainerCreating",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImagePull",
    ]
    text = (
        f'Failed to pull image "{IMAGE}:nope": rpc error: code = NotFound desc = failed to pull and'
        f' unpack image "{IMAGE}:nope": failed to resolve reference "{IMAGE}:nope":'
        f" {IMAGE}:nope: not found"
    )
    assert set(messages(made, "Failed")) == {
        text,
        "Error: ErrImagePull",
        "Error: ImagePullBackOff",
    }
    assert set(messages(made, "BackOff")) == {f'Back-off pulling image "{IMAGE}:nope"'}
    made.advance(10)
    assert pods(made)[0]["status"]["phase"] == "Pending"


def test_program_that_is_killed_for_memory() -> None:
    """OOMKilled with 137, and the back-off grows to five minutes."""
    made = twin(deployment(env=[{"name": "MEMORY_MIB", "value": "100"}]), service(), run_s=120)
    status = container(pods(made)[0])
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    ended = status["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    assert pods(made)[0]["status"]["phase"] == "Running"
    assert endpoints(made) == []
    made.advance(900)
    assert (
        "back-off 5m0s restarting failed container=app pod=web-"
        in (container(pods(made)[0])["state"]["waiting"]["message"])
    )


def test_back_off_doubles() -> None:
    """10, 20, 40, 80 seconds."""
    made = twin(deployment(replicas=1, command=["python3", "/app/none.py"]))
    lengths: list[str] = []
    for _ in range(800):
        made.advance(0.25)
        for pod in pods(made):
            waiting = (container(pod)["state"] if "containerStatuses" in pod["status"] else {}).get(
                "waiting", {}
            )
            if waiting.get("reason") == "CrashLoopBackOff":
                length = waiting["message"].split()[1]
                if length not in lengths:
                    lengths.append(length)
    assert lengths[:4] == ["10s", "20s", "40s", "1m20s"]


def test_program_file_that_is_missing() -> None:
    """The interpreter's own exit code 2 and log line."""
    made = twin(deployment(command=["python3", "/app/none.py"]), run_s=30)
    pod = pods(made)[0]
    ended = container(pod)["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("Error", 2)
    ref = Ref("Pod", SPACE, pod["metadata"]["name"], "v1")
    lines = made.logs(ref, "app", previous=True, lines=10)
    assert lines == (
        "python3: can't open file '/app/none.py': [Errno 2] No such file or directory",
    )


def test_executable_that_is_missing() -> None:
    """containerd refuses: RunContainerError, then StartError with exit code 128."""
    made = twin(deployment(command=["no-such-program"]))
    assert states(made, 40)[:3] == ["ContainerCreating", "RunContainerError", "CrashLoopBackOff"]
    ended = container(pods(made)[0])["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert 'exec: "no-such-program": executable file not found in $PATH' in ended["message"]
    assert any(
        text.startswith("Error: failed to create containerd task")
        for text in messages(made, "Failed")
    )


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        (
            {"path": "/nope", "port": 8080},
            "Readiness probe failed: HTTP probe failed with statuscode: 404",
        ),
        ({"path": "/healthz", "port": 9090}, ":9090: connect: connection refused"),
    ],
)
def test_readiness_probe_that_fails(probe: dict[str, Any], text: str) -> None:
    """The pod runs, is not ready, and an event says why."""
    made = twin(
        deployment(readinessProbe={"httpGet": probe, "periodSeconds": 2}), service(), run_s=30
    )
    status = container(pods(made)[0])
    assert "running" in status["state"]
    assert status["ready"] is False
    assert condition(pods(made)[0], "Ready")["message"] == "containers with unready status: [app]"
    assert all(text in found for found in messages(made, "Unhealthy"))
    assert endpoints(made) == []


def test_liveness_probe_that_fails() -> None:
    """kubelet kills and restarts it, and backs off when that goes on."""
    probe = {"httpGet": {"path": "/nope", "port": 8080}, "periodSeconds": 2}
    made = twin(deployment(livenessProbe=probe), run_s=60)
    assert set(messages(made, "Killing")) == {
        "Container app failed liveness probe, will be restarted"
    }
    assert container(pods(made)[0])["restartCount"] >= 2
    assert "BackOff" in {event["reason"] for event in listed(made, "Event")}


def test_startup_probe_holds_the_others_back() -> None:
    """A slow starter is neither killed nor unready for good."""
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080},
        "periodSeconds": 2,
        "failureThreshold": 30,
    }
    item = deployment(
        startupProbe=probe,
        livenessProbe={**probe, "failureThreshold": 1},
        env=[{"name": "START_DELAY_S", "value": "20"}],
    )
    made = twin(item, run_s=15)
    assert container(pods(made)[0])["started"] is False
    made.advance(20)
    assert len(ready(made)) == 2
    assert container(pods(made)[0])["restartCount"] == 0


def test_config_map_of_a_volume_that_is_missing() -> None:
    """ContainerCreating and FailedMount; once it is there the pod starts."""
    item = deployment(
        env=[{"name": "CONFIG", "value": "/config/app.json"}],
        volumeMounts=[{"name": "config", "mountPath": "/config"}],
    )
    pod_spec(item)["volumes"] = [{"name": "config", "configMap": {"name": "web"}}]
    made = twin(item, run_s=30)
    assert container(pods(made)[0])["state"]["waiting"]["reason"] == "ContainerCreating"
    assert set(messages(made, "FailedMount")) == {
        'MountVolume.SetUp failed for volume "config" : configmap "web" not found'
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": SPACE},
    }
    made.apply({**config, "data": {"app.json": "{}"}})
    made.advance(40)
    assert len(ready(made)) == 2
    made.apply({**config, "data": {"other.json": "{}"}})
    made.delete(Ref("Pod", SPACE, pods(made)[0]["metadata"]["name"], "v1"), uid="")
    made.advance(20)
    assert "CrashLoopBackOff" in str([container(pod)["state"] for pod in pods(made)])


@pytest.mark.parametrize(
    ("env", "text"),
    [
        ({"envFrom": [{"configMapRef": {"name": "none"}}]}, 'configmap "none" not found'),
        ({"envFrom": [{"secretRef": {"name": "none"}}]}, 'secret "none" not found'),
        (
            {
                "env": [
                    {
                        "name": "A",
                        "valueFrom": {"configMapKeyRef": {"name": "kube-root-ca.crt", "key": "b"}},
                    }
                ]
            },
            f"couldn't find key b in ConfigMap {SPACE}/kube-root-ca.crt",
        ),
    ],
)
def test_reference_of_the_environment_that_is_missing(env: dict[str, Any], text: str) -> None:
    """CreateContainerConfigError with the name of what is missing."""
    made = twin(deployment(**env), run_s=20)
    waiting = container(pods(made)[0])["state"]["waiting"]
    assert (waiting["reason"], waiting["message"]) == ("CreateContainerConfigError", text)
    assert f"Error: {text}" in messages(made, "Failed")
    assert pods(made)[0]["status"]["phase"] == "Pending"


def unschedulable(made: Any) -> str:
    found = condition(pods(made)[0], "PodScheduled")
    assert (found["status"], found["reason"]) == ("False", "Unschedulable")
    assert found["message"] in messages(made, "FailedScheduling")
    return str(found["message"])


HELP = "no new claims to deallocate, preemption: 0/2 nodes are available: 2 {}."
FIRM = HELP.format("Preemption is not helpful for scheduling")


def test_node_selector_that_no_node_has() -> None:
    """The scheduler's text, letter by letter; the pods start once the selector is gone."""
    item = deployment()
    pod_spec(item)["nodeSelector"] = {"kubernetes.io/hostname": "extra"}
    made = twin(item, run_s=5)
    assert unschedulable(made) == (
        f"0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. {FIRM}"
    )
    made.apply(deployment())
    made.advance(20)
    assert len(ready(made)) == 2


def test_request_that_no_node_can_fulfil() -> None:
    """Insufficient memory; more than a whole node has, so that preemption cannot help."""
    made = twin(deployment(resources={"requests": {"memory": "900Gi"}}), run_s=5)
    assert unschedulable(made) == f"0/2 nodes are available: 2 Insufficient memory. {FIRM}"


def test_nodes_that_are_full() -> None:
    """The request would fit an empty node: no victims are found."""
    made = twin(deployment("big", 2, resources={"requests": {"cpu": "1500m"}}), run_s=5)
    made.apply(deployment(resources={"requests": {"cpu": "1"}}))
    made.advance(5)
    nobody = HELP.format("No preemption victims found for incoming pod")
    assert unschedulable(made) == f"0/2 nodes are available: 2 Insufficient cpu. {nobody}"
    made.delete(Ref("Deployment", SPACE, "big", "apps/v1"), uid="")
    made.advance(30)
    assert len(ready(made)) == 2


def test_nodes_with_taints_and_cordons() -> None:
    """Untolerated taints and unschedulable nodes are counted apart; tolerations let pods in."""
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    nodes = (NodeSpec(name="node1", taints=(taint,)), NodeSpec(name="node2", unschedulable=True))
    made = twin(deployment(), run_s=5, nodes=nodes)
    assert unschedulable(made).startswith(
        "0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable."
    )
    item = deployment()
    pod_spec(item)["tolerations"] = [{"key": "dedicated", "operator": "Exists"}]
    made.apply(item)
    made.advance(20)
    assert {pod["spec"].get("nodeName") for pod in pods(made)} == {"node1"}


def test_init_container_that_fails() -> None:
    """The pod stays Pending, its containers wait for initialization."""
    item = deployment()
    pod_spec(item)["initContainers"] = [
        {"name": "wait", "image": f"{IMAGE}:1", "command": ["python3", "/none.py"]}
    ]
    made = twin(item, run_s=30)
    pod = pods(made)[0]
    assert pod["status"]["phase"] == "Pending"
    assert container(pod)["state"]["waiting"]["reason"] == "PodInitializing"
    assert container(pod, "wait", "initContainerStatuses")["restartCount"] >= 1
    initialized = condition(pod, "Initialized")
    assert initialized["message"] == "containers with incomplete status: [wait]"
    pod_spec(item)["initContainers"][0]["command"] = ["cat", "/etc/hosts"]
    made.apply(item)
    made.advance(30)
    assert len(ready(made)) == 2


def test_upstream_that_fails_is_seen_by_the_caller() -> None:
    """A program answers 502 while what it calls does not serve."""
    front = deployment("front", env=[{"name": "UPSTREAMS", "value": "http://web/"}])
    made = twin(front, service("front"), deployment(), service(), run_s=10)
    assert made.ask("http://front/", SPACE) == 200
    made.patch(
        Target(
            kind="Service", namespace=SPACE, name="web", merge={"spec": {"selector": {"app": "x"}}}
        )
    )
    made.advance(2)
    assert made.ask("http://front/", SPACE) == 502
    assert made.ask("http://web/", SPACE) == 0
    assert len(endpoints(made, "front")) == 2


def test_target_port_that_nobody_serves() -> None:
    """A number keeps its endpoints and refuses; a name that is not there leaves out the port."""
    made = twin(deployment(), service(target=9999), run_s=10)
    assert len(endpoints(made)) == 2
    assert made.ask("http://web/", SPACE) == 0
    made.apply(service(target="grpc"))
    made.advance(2)
    assert listed(made, "EndpointSlice")[0]["ports"] is None
    assert made.ask("http://web/", SPACE) == 0


def test_logs_of_what_never_ran() -> None:
    """There are none, and that is said."""
    made = twin(deployment(image=f"{IMAGE}:nope"), run_s=10)
    ref = Ref("Pod", SPACE, pods(made)[0]["metadata"]["name"], "v1")
    with pytest.raises(NotFound, match="waiting to start"):
        made.logs(ref, "app", previous=False, lines=10)
    assert get(made, "Deployment", "web")["status"]["unavailableReplicas"] == 2
