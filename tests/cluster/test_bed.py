"""The test bed is what it says: real nodes, images, DNS, faults; and it goes without a trace."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import bed as beds
from tests.cluster import lifecycle, machine, objects, oci
from tests.cluster.bed import Bed
from tests.cluster.client import ApiError
from tests.cluster.errors import BedError
from tests.cluster.layout import Layout, default
from tests.cluster.leftovers import leftovers

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def namespace(bed: Bed) -> Iterator[str]:
    """A namespace of the test's own."""
    with bed.namespace() as name:
        yield name


def test_two_nodes_are_ready(bed: Bed) -> None:
    """Two nodes, both Ready, of Kubernetes 1.34 on the bed."""
    ready = [n for n in bed.api("GET", "/api/v1/nodes")["items"] if _is_ready(n)]
    assert len(ready) >= 2
    if bed.is_own:
        versions = {node["status"]["nodeInfo"]["kubeletVersion"] for node in ready}
        assert versions == {"v1.34.4"}


def test_a_service_answers_over_dns(bed: Bed, namespace: str) -> None:
    """A Deployment rolls out over both nodes; its Service answers, and calls itself by name."""
    upstream = f"http://web.{namespace}.svc.cluster.local/healthz"
    app = objects.container(env={"UPSTREAMS": upstream})
    bed.apply(namespace, objects.deployment("web", app, replicas=4), objects.service("web"))
    bed.kubectl("rollout", "status", "-n", namespace, "deployment/web", "--timeout=60s")
    path = f"/api/v1/namespaces/{namespace}/services/http:web:80/proxy/"
    answer = bed.until(lambda: bed.api("GET", path), "answer of the Service", timeout_s=15)
    assert (answer["version"], answer["failed"]) == ("1", {})
    assert len({pod["spec"]["nodeName"] for pod in bed.pods(namespace, "app=web")}) == 2
    log = bed.kubectl("logs", "-n", namespace, "-l", "app=web")
    assert any(json.loads(line)["message"] == "GET / 200" for line in log.splitlines())


def test_a_wrong_tag_is_not_found(bed: Bed, namespace: str) -> None:
    """A tag that was never pushed gives the runtime's own refusal."""
    bed.apply(namespace, objects.pod("web", objects.container(tag="never-pushed")))

    def refusal() -> str:
        waiting = _state(bed, namespace).get("waiting", {})
        refused = waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff")
        return waiting["reason"] if refused else ""

    bed.until(refusal, "ErrImagePull")
    events = bed.api("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
    assert any("not found" in event["message"] for event in events)


def test_too_much_memory_is_killed(bed: Bed, namespace: str) -> None:
    """A container that touches more memory than its limit is OOMKilled by the kernel."""
    app = objects.container(env={"MEMORY_MIB": "200"})
    bed.apply(namespace, objects.pod("web", app))

    def reason() -> bool:
        status = _status(bed, namespace)
        states = [status.get("state", {}), status.get("lastState", {})]
        return "OOMKilled" in [s.get("terminated", {}).get("reason") for s in states]

    bed.until(reason, "OOMKilled")


def test_a_missing_config_is_said_in_one_json_line(bed: Bed, namespace: str) -> None:
    """The app ends with 1 and logs why when its CONFIG does not exist."""
    app = objects.container(env={"CONFIG": "/etc/app/none.json"})
    bed.apply(namespace, objects.pod("web", app))

    def ended() -> dict[str, Any]:
        status = _status(bed, namespace)
        states = [status.get("state", {}), status.get("lastState", {})]
        found: dict[str, Any] = next((s["terminated"] for s in states if "terminated" in s), {})
        return found

    assert bed.until(ended, "end of the container")["exitCode"] == 1
    # the runtime may be cleaning up the container whose log is asked for
    log = bed.until(lambda: _log(bed, namespace), "log")
    assert "cannot read config /etc/app/none.json" in json.loads(log.splitlines()[-1])["message"]


def test_a_restricted_user_may_do_what_he_was_granted(bed: Bed, namespace: str) -> None:
    """A user of one namespace reads that one and no other."""
    path = bed.kubeconfig_for("nora", ("developers",))
    user = Bed(Path(path), bed.context, ["false"])
    with pytest.raises(ApiError) as refused:
        user.pods(namespace)
    assert refused.value.status == 403
    bed.kubectl(
        *("create", "rolebinding", "nora", "-n", namespace, "--clusterrole=view"),
        "--group=developers",
    )
    bed.until(lambda: user.pods(namespace) == [], "access by the new binding", timeout_s=10)
    with pytest.raises(ApiError):
        user.pods("kube-system")


def test_a_bed_goes_without_a_trace(bed: Bed) -> None:
    """A second bed comes up beside the first, and goes: nothing is left, the first stays."""
    _own(bed)
    second = _another("second")
    _command("up", second.name)
    assert lifecycle.is_up(second)
    assert beds.of(second).api("GET", "/api/v1/namespaces")["items"]
    _command("down", second.name)
    assert leftovers(second) == []
    assert bed.api("GET", "/readyz") == {"text": "ok"}


@pytest.mark.parametrize("after_s", [0.0, 0.15, 1.0, 3.0])
def test_an_interrupted_start_leaves_nothing(bed: Bed, after_s: float) -> None:
    """Ctrl-C in the middle of `up` takes everything down again."""
    _own(bed)
    layout = _another("interrupted")
    with _starting(layout, after_s) as child:
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 130, errors
    assert leftovers(layout) == []


def test_a_killed_start_is_cleaned_up_after(bed: Bed) -> None:
    """When `up` itself is killed, `down` finds all that it had started."""
    _own(bed)
    layout = _another("interrupted")
    with _starting(layout, 2.0) as child:
        child.kill()
        child.communicate(timeout=60)
    assert leftovers(layout) != []
    _command("down", layout.name)
    assert leftovers(layout) == []


def test_an_image_archive_holds_what_it_names(tmp_path: Path) -> None:
    """An archive's index, manifest and blobs fit together."""
    store = oci.Store(tmp_path / "store")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").write_text("content")
    layer = store.layer(tmp_path / "root")
    store.image(oci.Image("stratus/none", "1", (layer,), command=("sh",)))
    oci.archive(store, "stratus/none", "1", "example/none:1", tmp_path / "none.tar")
    with tarfile.open(tmp_path / "none.tar") as tar:
        names = tar.getnames()
        index = json.load(tar.extractfile("index.json") or io.BytesIO())
        blobs = [name for name in names if name.startswith("blobs/")]
        for name in blobs:
            content = (tar.extractfile(name) or io.BytesIO()).read()
            assert hashlib.sha256(content).hexdigest() == name.rpartition("/")[2]
    assert len(blobs) == 3
    assert f"blobs/{index['manifests'][0]['digest'].replace(':', '/')}" in blobs


def test_what_is_missing_is_said_before_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages whose programs are not there are named; those that are there are not."""
    monkeypatch.setitem(machine.PACKAGES, "no-such-package", ("no-such-program",))
    monkeypatch.setitem(machine.PACKAGES, "present", ("sh",))
    missing = machine.missing_packages()
    assert "no-such-package" in missing
    assert "present" not in missing
    said: list[str] = []
    monkeypatch.setenv("PATH", "/nowhere")  # without apt-get it can only say
    with pytest.raises(BedError, match="no apt-get"):
        machine.install_missing(said.append)
    assert "no-such-package" in said[0]


def _another(name: str) -> Layout:
    """A bed beside the one of this test run."""
    return Layout(f"{default().name}-{name}")


def _own(bed: Bed) -> None:
    if not bed.is_own:
        pytest.skip("this cluster is not a bed of this machine")


@contextlib.contextmanager
def _starting(layout: Layout, after_s: float) -> Iterator[subprocess.Popen[str]]:
    """A bed that has been coming up for some seconds."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.cluster", "up"],
        cwd=REPOSITORY,
        env={**os.environ, "STRATUS_BED": layout.name},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not layout.record.exists() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(after_s)  # how far it has come is the point
        yield child
    finally:
        child.kill()
        child.wait()


def _command(word: str, name: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.cluster", word],
        cwd=REPOSITORY,
        env={**os.environ, "STRATUS_BED": name},
        check=True,
        capture_output=True,
        timeout=300,
    )


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"]["conditions"]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _status(bed: Bed, namespace: str) -> dict[str, Any]:
    pod = bed.api("GET", f"/api/v1/namespaces/{namespace}/pods/web")
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    return dict(statuses[0])


def _state(bed: Bed, namespace: str) -> dict[str, Any]:
    return dict(_status(bed, namespace).get("state", {}))


def _log(bed: Bed, namespace: str) -> str:
    try:
        return bed.kubectl("logs", "-n", namespace, "web")
    except BedError:
        return ""
