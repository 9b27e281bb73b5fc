"""A recording shows what the live look showed, and a broken one says so."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratus_cli.cluster.recorded import RecordedCluster
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.flow.record import record
from stratus_cli.model.errors import Forbidden, NotFound, RecordingError, Refused, UsageError
from stratus_cli.model.objects_workload import Deployment
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, Snapshot, Traffic
from tests.cluster.apiserver import ApiServer, Fault, serving
from tests.cluster.world import NOW, Shop, config_map, live, ports

ALL = ScopeRequest()
SHOP = ScopeRequest(("shop",))
WEB = Ref("Deployment", "shop", "web", "apps/v1")


class Measured:
    """A source with an answer."""

    name = "measured"

    def read(self, snap: Snapshot) -> Snapshot:
        traffic = Traffic(WEB, 300.0, 100.0, 0.25, None, NOW)
        alerts = (Alert("WebDown", {"namespace": "shop"}, NOW, NOW, "down"),)
        signals = replace(snap.signals, traffic=(traffic,), alerts=alerts, sources=("measured",))
        return replace(snap, signals=signals)


@pytest.fixture
def api() -> Iterator[ApiServer]:
    items = [*Shop().items, config_map("c", {"password": "hunter2"}), failing_pod()]
    with serving(ApiServer(items)) as server:
        server.texts["/api/v1/namespaces/shop/pods/bad/log"] = b"cannot start\n"
        server.faults["/apis/batch/v1/jobs"] = Fault("status", 404)
        server.faults["/apis/batch/v1/namespaces/shop/jobs"] = Fault("status", 404)
        yield server


def failing_pod() -> dict[str, Any]:
    state = {"terminated": {"exitCode": 1, "finishedAt": "2026-11-24T11:59:00Z"}}
    status = {"name": "web", "ready": False, "restartCount": 3, "state": state}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "bad", "namespace": "shop", "uid": "u-bad"},
        "spec": {"containers": [{"name": "web", "image": "x"}], "futureField": {"kept": True}},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }  # fmt: skip


@pytest.mark.parametrize("request_", [ALL, SHOP])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_recording_gives_the_same_snapshot(
    api: ApiServer, tmp_path: Path, request_: ScopeRequest, compressed: bool
) -> None:
    """Objects, events, logs, signals, gaps, scope, identity and time."""
    cluster = live(api, tmp_path)
    seen = observe(ports(cluster, Measured()), request_)
    assert seen.gaps
    assert seen.signals.logs
    path = tmp_path / "r"
    path.write_bytes(record(ports(cluster, Measured()), request_, compressed=compressed))
    assert observe(ports(RecordedCluster(str(path)), Measured()), request_) == seen


def test_a_recording_of_a_recording_is_the_same_file(api: ApiServer, tmp_path: Path) -> None:
    """Nothing is lost on the way."""
    first, second = recorded(api, tmp_path), tmp_path / "second"
    second.write_bytes(record(ports(first), ALL, compressed=False))
    assert second.read_bytes() == Path(first.path).read_bytes()


def recorded(api: ApiServer, folder: Path, request: ScopeRequest = ALL) -> RecordedCluster:
    path = folder / "r.json"
    path.write_bytes(record(ports(live(api, folder), Measured()), request, compressed=False))
    return RecordedCluster(str(path))


def test_a_recording_holds_no_secret_and_whole_objects(api: ApiServer, tmp_path: Path) -> None:
    """Plans are computed from it: fields that nothing decodes are there."""
    past = recorded(api, tmp_path)
    assert b"hunter2" not in Path(past.path).read_bytes()
    found = past.get(Ref("Pod", "shop", "bad"))
    assert found is not None
    assert found["spec"]["futureField"] == {"kept": True}
    assert (found["kind"], found["apiVersion"]) == ("Pod", "v1")
    assert past.get(Ref("Pod", "shop", "none")) is None


def test_a_wide_recording_can_be_narrowed(api: ApiServer, tmp_path: Path) -> None:
    """-n on a recording of everything; a namespace that it does not have is a mistake."""
    past = recorded(api, tmp_path)
    narrow = observe(ports(past), ScopeRequest(("other",)))
    assert narrow.scope.asked == ("other",)
    assert not narrow.of(Deployment)
    assert not narrow.signals.logs
    with pytest.raises(UsageError, match="'shop'"):
        observe(ports(past), ScopeRequest(("shpo",)))


def test_what_could_not_be_read_is_still_unread(api: ApiServer, tmp_path: Path) -> None:
    """The gap's error comes again; a kind that is not in it is not served."""
    api.faults["/api/v1/pods"] = Fault("status", 403)
    for name in ("shop", "other", "kube-system"):
        api.faults[f"/api/v1/namespaces/{name}/pods"] = Fault("status", 403)
    past = recorded(api, tmp_path)
    with pytest.raises(Forbidden):
        list(past.list_pages("Pod", None))
    with pytest.raises(NotFound):
        list(past.list_pages("Lease", None))
    with pytest.raises(Forbidden):
        past.get(Ref("Pod", "shop", "bad"))


def test_a_recording_cannot_be_written_to(api: ApiServer, tmp_path: Path) -> None:
    """Refused, and there is nobody to ask for permissions, logs or metrics."""
    past = recorded(api, tmp_path)
    for write in (
        lambda: past.create(config_map("x", {})),
        lambda: past.replace(config_map("x", {})),
        lambda: past.delete(WEB, uid="u"),
    ):
        with pytest.raises(Refused):
            write()
    assert past.allowed("update", WEB) is None
    assert past.logs(Ref("Pod", "shop", "bad"), "web", previous=False, lines=5) == ("cannot start",)
    with pytest.raises(NotFound):
        past.logs(Ref("Pod", "shop", "web-1"), "web", previous=False, lines=5)
    with pytest.raises(NotFound):
        past.fetch("/metrics", {})


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One whole recording."""
    with serving(ApiServer(Shop().items)) as api:
        folder = tmp_path_factory.mktemp("whole")
        return record(ports(live(api, folder)), ALL, compressed=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_a_damaged_recording_is_an_error_or_a_snapshot(
    tmp_path: Path, content: bytes, data: st.DataObject
) -> None:
    """Cut anywhere, with any byte changed, packed or not: never another exception."""
    damaged = bytearray(gzip.compress(content, mtime=0) if data.draw(st.booleans()) else content)
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
    else:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(bytes(damaged))
    said = "damaged"
    try:
        observe(ports(RecordedCluster(str(path))), ALL)
    except RecordingError as error:
        said = str(error)
    assert "damaged" in said


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "stratus/recording/v9"},
        {"takenAt": "2026-11-24T12:00:00"},
        {"objects": {"Pod": [1]}},
        {"objects": []},
        {"gaps": [{"subject": "Pod", "reason": "bored"}]},
    ],
)
def test_a_recording_that_is_none(tmp_path: Path, content: bytes, change: dict[str, Any]) -> None:
    """Another schema, a time without zone, objects that are none."""
    path = tmp_path / "other.json"
    path.write_text(json.dumps({**json.loads(content), **change}))
    with pytest.raises(RecordingError, match=r"other\.json"):
        RecordedCluster(str(path))
