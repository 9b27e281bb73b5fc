"""When a fault counts as visible: not by what an earlier one left, not by what is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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


def seen(here: Scene, **symptom: Any) -> bool:
    fault = Fault(
        name="f", app="shop", variant="", title="t", family="service", steps=(), symptom=symptom,
        root=(), oracle=Oracle(),
    )  # fmt: skip
    door = Door(here.api, SPACE, {"service": "web", "port": 80})
    return not unseen(here, fault, door, HEALTHY)


def test_ready_is_not_a_symptom() -> None:
    """One that is ready is not; one that is not, or is missing, is."""
    with scene(web(), pod()) as here:
        assert not seen(here, not_ready=["Deployment/web"])
    with scene(web(), pod(ready=False)) as here:
        assert seen(here, not_ready=["Deployment/web"])
    with scene(web()) as here:
        assert seen(here, not_ready=["Deployment/web"])


def test_a_rollout_without_new_pods_is_one() -> None:
    """The old pods are ready, the new template has none."""
    with scene(web(updated=0), pod()) as here:
        assert seen(here, not_ready=["Deployment/web"])


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
