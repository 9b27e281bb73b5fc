"""When a fault counts as visible: not by what an earlier one left, not by what is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from stratus_cli.cluster.transport import Transport
from stratus_cli.drill.api import Api
from stratus_cli.drill.door import Door, Sight
from stratus_cli.drill.fault import Fault, Oracle
from stratus_cli.drill.symptom import Scene, unseen
from stratus_cli.drill.wellness import Well, unwell
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.redact import Redactor
from tests.cluster.apiserver import ApiServer, kubeconfig, serving

SPACE = "drill-shop"
BEFORE, INJECTED, AFTER = "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z", "2026-01-01T12:00:09Z"
HEALTHY = Sight(30, 0, 0.05)


def item(kind: str, name: str, **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": SPACE, "generation": 1, **more.pop("metadata", {})}
    return {"apiVersion": BY_KIND[kind].api_version, "kind": kind, "metadata": meta, **more}


def web(updated: int = 1, replicas: int = 1) -> dict[str, Any]:
    counts = {"replicas": replicas, "readyReplicas": replicas, "updatedReplicas": updated}
    return item(
        "Deployment",
        "web",
        spec={"replicas": 1, "selector": {"matchLabels": {"app": "web"}}},
        status={"observedGeneration": 1, **counts},
    )


def pod(
    *, ready: bool = True, restarts: int = 0, ended: str = "", address: str = "10.0.0.1"
) -> Any:
    last = {"terminated": {"finishedAt": ended}} if ended else {}
    return item(
        "Pod",
        "web-1",
        metadata={"labels": {"app": "web"}},
        spec={"containers": [{"name": "web", "ports": [{"name": "http", "containerPort": 80}]}]},
        status={
            "podIP": address,
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "web", "restartCount": restarts, "lastState": last}],
        },
    )


def service() -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": "http"}]
    return item("Service", "web", spec={"selector": {"app": "web"}, "ports": ports})


def endpoints(*addresses: str) -> dict[str, Any]:
    ready = [{"addresses": [one], "conditions": {"ready": True}} for one in addresses]
    labels = {"kubernetes.io/service-name": "web"}
    return item(
        "EndpointSlice", "web-x", metadata={"labels": labels}, endpoints=ready, ports=[{"port": 80}]
    )


@contextmanager
def scene(*items: dict[str, Any], well: tuple[dict[str, Any], ...] = ()) -> Iterator[Scene]:
    """The cluster as it is now, and what it was when well."""
    with TemporaryDirectory() as folder, serving(ApiServer(list(items))) as server:
        redactor = Redactor(b"of the tests, 16")
        config = kubeconfig(Path(folder), server.url)
        api = Api(Transport(config, None, timeout_s=5.0, redactor=redactor))
        known = [web(), service(), *well]
        healthy = Well.of(lambda kind: [one for one in known if one["kind"] == kind])
        since = datetime.fromisoformat(INJECTED).astimezone(UTC)
        yield Scene(api, SPACE, healthy, since)


@contextmanager
def logs(here: Scene, text: str) -> Iterator[None]:
    """What every container wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(here.api), "logs", lambda *_: text)
        yield


def seen(here: Scene, **symptom: Any) -> bool:
    fault = Fault(
        name="f", app="shop", variant="", title="t", family="service", steps=(), symptom=symptom,
        root=(), oracle=Oracle(),
    )  # fmt: skip
    door = Door(here.api, SPACE, {"service": "web", "port": 80})
    return not unseen(here, fault, door, HEALTHY)


def broken(**status: Any) -> dict[str, Any]:
    """A pod of web that is not ready; made long before the fault, looked at just after it."""
    made = pod(ready=False)
    made["metadata"] |= {"uid": "u-web-1", "creationTimestamp": INJECTED}
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 2, "timeoutSeconds": 2}
    made["spec"]["containers"][0]["readinessProbe"] = probe
    made["status"] |= {"phase": "Running", **status}
    return dict(made)


def container(restarts: int = 0, **state: Any) -> dict[str, Any]:
    return {"name": "web", "restartCount": restarts, "ready": False, "state": state}


RUNNING = {"containerStatuses": [container(running={"startedAt": INJECTED})]}
CREATING = {
    "phase": "Pending",
    "containerStatuses": [container(waiting={"reason": "ContainerCreating"})],
}
UNREADY = ["Deployment/web"]


def at(here: Scene, seconds: float) -> Scene:
    """So long after the injection."""
    assert here.since is not None
    moment = here.since + timedelta(seconds=seconds)
    return replace(here, now=lambda: moment)


def test_ready_is_not_a_symptom() -> None:
    """Nor is a pod that a moment ago was made."""
    with scene(web(), pod()) as here:
        assert not seen(here, not_ready=UNREADY)
    for status in (RUNNING, CREATING):
        with scene(web(), broken(**status)) as here:
            assert not seen(at(here, 9.0), not_ready=UNREADY)


def test_a_pod_that_outstays_its_probes_is_one() -> None:
    """Readiness is asked each 2 s and fails after 3 of them; kubelet tells of it in 10 s."""
    with scene(web(), broken(**RUNNING)) as here:
        assert not seen(at(here, 15.0), not_ready=UNREADY)
        assert seen(at(here, 17.0), not_ready=UNREADY)


def test_a_pod_that_is_long_in_the_making_is_one() -> None:
    """A minute is for volumes and images."""
    with scene(web(), broken(**CREATING)) as here:
        assert not seen(at(here, 55.0), not_ready=UNREADY)
        assert seen(at(here, 65.0), not_ready=UNREADY)


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff"])
def test_what_a_container_waits_for_shows_at_once(reason: str) -> None:
    """Kubelet's own word that it does not go on."""
    status = {"containerStatuses": [container(1, waiting={"reason": reason})]}
    with scene(web(), broken(**status)) as here:
        assert seen(at(here, 3.0), not_ready=UNREADY)


def test_an_unschedulable_pod_shows_at_once() -> None:
    """The scheduler's word."""
    told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    status = {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}, told]}
    with scene(web(), broken(**status)) as here:
        assert seen(at(here, 3.0), not_ready=UNREADY)


def test_a_volume_that_cannot_be_mounted_shows_by_its_event() -> None:
    """The pod itself only says ContainerCreating."""
    event = item(
        "Event", "e", involvedObject={"kind": "Pod", "name": "web-1", "uid": "u-web-1"},
        reason="FailedMount", lastTimestamp=AFTER,
    )  # fmt: skip
    with scene(web(), broken(**CREATING), event) as here:
        assert seen(at(here, 10.0), not_ready=UNREADY)


def test_a_pod_on_a_lost_node_shows() -> None:
    """Its containers are as they were last."""
    lost = broken(**RUNNING)
    lost["spec"]["nodeName"] = "node-1"
    node = item("Node", "node-1", status={"conditions": [{"type": "Ready", "status": "Unknown"}]})
    del node["metadata"]["namespace"]
    with scene(web(), lost, node) as here:
        assert seen(at(here, 3.0), not_ready=UNREADY)


def test_pods_that_are_about_to_be_made_are_no_symptom() -> None:
    """Missing ones are when they are refused, or when nobody asks for them any more."""
    with scene(web()) as here:
        assert not seen(here, not_ready=UNREADY)
    with scene(refused(web())) as here:
        assert seen(here, not_ready=UNREADY)
    scaled = {**web(), "spec": {**web()["spec"], "replicas": 0}}
    with scene(scaled) as here:
        assert seen(here, not_ready=UNREADY)
    with scene(scaled, pod()) as here:
        assert not seen(here, not_ready=UNREADY)
    with scene() as here:
        assert seen(here, not_ready=UNREADY)


def test_a_rollout_whose_pods_are_refused_is_one() -> None:
    """The old pods are ready, the new template has none."""
    with scene(web(updated=0), pod()) as here:
        assert not seen(here, not_ready=UNREADY)
    with scene(refused(web(updated=0)), pod()) as here:
        assert seen(here, not_ready=UNREADY)


def test_a_stateful_set_tells_of_a_refused_pod_by_event() -> None:
    """It has no condition for that; an event of an earlier fault, or of another, is not it."""
    made = {**web(), "kind": "StatefulSet"}
    about = {"kind": "StatefulSet", "name": "web"}
    event = item("Event", "e", involvedObject=about, reason="FailedCreate")
    for told in (
        {**event, "lastTimestamp": BEFORE},
        {**event, "lastTimestamp": AFTER, "involvedObject": {**about, "name": "web-db"}},
    ):
        with scene(made, told) as here:
            assert not seen(here, not_ready=["StatefulSet/web"])
    with scene(made, {**event, "lastTimestamp": AFTER}) as here:
        assert seen(here, not_ready=["StatefulSet/web"])


def refused(workload: dict[str, Any]) -> dict[str, Any]:
    """As the controller writes it when the API server takes none of its pods."""
    told = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
    return {**workload, "status": {**workload["status"], "conditions": [told]}}


def test_each_workload_must_show() -> None:
    """One of two that is still starting is not what the fault's file asks."""
    other = item(
        "Deployment", "db", spec={"replicas": 1, "selector": {"matchLabels": {"app": "db"}}},
        status={"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1},
    )  # fmt: skip
    waiting = {"containerStatuses": [container(waiting={"reason": "ErrImagePull"})]}
    late = broken(**CREATING)
    late["metadata"] |= {"name": "db-1", "uid": "u-db-1", "labels": {"app": "db"}}
    with scene(web(), other, broken(**waiting), late) as here:
        assert seen(at(here, 5.0), not_ready=UNREADY)
        assert not seen(at(here, 5.0), not_ready=[*UNREADY, "Deployment/db"])


def test_restarts_of_an_earlier_fault_do_not_count() -> None:
    """Only when the last one was after the injection."""
    with scene(web(), pod(restarts=5, ended=BEFORE)) as here:
        assert not seen(here, restarting=["Deployment/web"])
    with scene(web(), pod(restarts=2, ended=AFTER)) as here:
        assert seen(here, restarting=["Deployment/web"])
    with scene(web(), pod(restarts=1, ended=AFTER)) as here:
        assert not seen(here, restarting=["Deployment/web"])


def test_events_of_an_earlier_fault_do_not_count() -> None:
    """By kind, name's beginning, reason, text and time."""
    about = {"kind": "ReplicaSet", "name": "web-7d9"}
    wanted = [{"ref": "ReplicaSet/web", "reason": "FailedCreate", "message": "quota"}]
    event = item("Event", "e", involvedObject=about, reason="FailedCreate", message="over quota")
    with scene({**event, "lastTimestamp": BEFORE}) as here:
        assert not seen(here, events=wanted)
    with scene({**event, "lastTimestamp": AFTER}) as here:
        assert seen(here, events=wanted)
        assert not seen(here, events=[{**wanted[0], "reason": "Other"}])


def test_foreign_and_missing_endpoints() -> None:
    """Exactly the intended pods is no symptom; none, or another one beside them, is."""
    with scene(pod(), endpoints("10.0.0.1")) as here:
        assert not seen(here, no_endpoints=["Service/web"])
    for addresses in ((), ("10.0.0.1", "10.0.0.9")):
        with scene(pod(), endpoints(*addresses)) as here:
            assert seen(here, no_endpoints=["Service/web"])


def test_fields_that_read_so() -> None:
    """A value, and absence."""
    with scene(web()) as here:
        assert seen(here, fields=[{"ref": "Deployment/web", "field": "spec.replicas", "value": 1}])
        assert not seen(here, fields=[{"ref": "Deployment/web", "field": "spec.replicas"}])
        assert seen(here, fields=[{"ref": "ConfigMap/web"}])


def test_a_closed_door_fails() -> None:
    """No Service answers here, so every request fails."""
    with scene(web()) as here:
        assert seen(here, front_door="failing")
        assert not seen(here, front_door="open")


def test_a_door_may_show_it_in_several_ways() -> None:
    """What overloads a program makes it slow, or fail at once: either is seen."""
    with scene(web()) as here:
        assert seen(here, front_door=["slow", "failing"])
        assert not seen(here, front_door=["slow", "open"])


def test_a_log_line_that_must_come_again_and_again() -> None:
    """Once may be a blip; each of its lines counts."""
    line = "cannot apply"
    wanted = {"ref": "Deployment/web", "text": line}
    with scene(web(), pod()) as here, logs(here, f"{line}\nfine\n{line}"):
        assert seen(here, logs=[wanted])
        assert seen(here, logs=[{**wanted, "times": 2}])
        assert not seen(here, logs=[{**wanted, "times": 3}])


def test_what_was_well_decides_what_is_well() -> None:
    """The judge's own words: replicas and endpoints as when healthy."""
    good = [web(), service(), pod(), endpoints("10.0.0.1")]
    with scene(*good) as here:
        items = lambda kind: here.api.items(kind, SPACE)  # noqa: E731  # a short question
        assert unwell(here.well, items) == []
    scaled = {**web(), "spec": {**web()["spec"], "replicas": 0}}
    scaled["status"] = {"observedGeneration": 1, "replicas": 0}
    for bad in ([scaled, *good[1:]], good[1:], good[:2], [*good[:3], endpoints()]):
        with scene(*bad) as here:
            items = lambda kind, here=here: here.api.items(kind, SPACE)  # noqa: E731  # as above
            assert unwell(here.well, items)
