"""A bed goes up and down.

Whatever is started is recorded first, and whatever goes wrong on the way up (Ctrl-C included)
takes the bed down again.
"""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster import (
    cgroups,
    control_plane,
    dns,
    machine,
    monitoring,
    node,
    parts,
    pki,
    record,
    registry,
    worker,
)
from tests.cluster.client import ApiError, Client
from tests.cluster.errors import BedError
from tests.cluster.guard import interruptible, locked, uninterruptible
from tests.cluster.layout import FIRST_PORT, NODES, Layout
from tests.cluster.leftovers import leftovers
from tests.cluster.record import Record
from tests.cluster.steps import Steps

API_TIMEOUT_S = 60.0
NODES_TIMEOUT_S = 60.0
DNS_TIMEOUT_S = 90.0
MONITORS_TIMEOUT_S = 120.0
LEFTOVERS_TIMEOUT_S = 3.0


def up(layout: Layout, steps: Steps) -> bool:
    """Bring the bed up; False when it was up already. BedError when it cannot, then it is down."""
    machine.check()
    with locked(layout), interruptible():
        if is_up(layout):
            return False
        machine.install_missing(steps)
        built = parts.built(steps)
        _down(layout)  # what a killed `up` may have left
        steps.done("parts are built")
        try:
            _up(layout, steps, built)
        except BaseException as error:
            steps.say(f"going down again: {type(error).__name__}")
            with uninterruptible():
                if isinstance(error, BedError):
                    _keep_logs(layout, steps)
                _down(layout)
            raise
    return True


def monitor(layout: Layout, steps: Steps, *, full: bool) -> None:
    """Bring telemetry servers to a bed that is up. What is there already stays as it is."""
    aggregates = (layout.pki / "front-proxy.crt").exists()  # else it is an earlier version's
    stores = parts.monitors(steps, full=full)
    count = sum(registry.fill(layout, store) for store in stores)
    steps.done(f"registry: {count} images of telemetry servers")
    api = client(layout)
    for manifest in monitoring.manifests(full=full, aggregates=aggregates):
        _create(api, manifest)
    _until(lambda: _are_available(api), "the telemetry servers", MONITORS_TIMEOUT_S)
    steps.done("telemetry servers are available")


def _are_available(api: Client) -> bool:
    path = f"/apis/apps/v1/namespaces/{monitoring.NAMESPACE}/deployments"
    return all(
        item["status"].get("availableReplicas", 0) == item["spec"]["replicas"]
        for item in api.json("GET", path)["items"]
    )


def down(layout: Layout) -> list[str]:
    """Take the bed down; what is left of it, which should be nothing."""
    with locked(layout), uninterruptible():
        _down(layout)
    deadline = time.monotonic() + LEFTOVERS_TIMEOUT_S
    while leftovers(layout) and time.monotonic() < deadline:
        time.sleep(0.05)  # what ends with its node takes a moment
    return leftovers(layout)


def is_up(layout: Layout) -> bool:
    """Whether the bed has come up and still answers."""
    found = Record.load(layout.record)
    if found is None or not found.complete:
        return False
    if not all(process.alive() for process in found.processes):
        return False
    try:
        return client(layout).request("GET", "/readyz") == b"ok"
    except (OSError, ApiError):
        return False


def client(layout: Layout) -> Client:
    """A client with the administrator's token."""
    return Client.of(json.loads(layout.kubeconfig.read_text()))


def _up(layout: Layout, steps: Steps, built: parts.Parts) -> None:
    layout.state.mkdir(mode=0o700)
    found = Record(layout.record, port=_free_port())
    found.save()
    first, second = _nodes(layout, found, built)
    node.connect(first, second)
    steps.done("two nodes: namespaces, cgroups, network")
    pki.create(layout, found.port)
    control_plane.start_api(first, layout, built.kube)
    registry.start(first, layout)
    for one in (first, second):
        worker.start_containerd(one, layout)
    _forward(first, layout, found)
    count = registry.fill(layout, built.images)
    steps.done(f"registry: {count} images")
    api = client(layout)
    _until(lambda: api.request("GET", "/readyz") == b"ok", "the API server", API_TIMEOUT_S)
    steps.done(f"API server: https://127.0.0.1:{found.port}")
    control_plane.start_controllers(first, layout, built.kube)
    for one in (first, second):
        _until(partial(_containerd_is_up, one), "containerd", API_TIMEOUT_S)
        worker.start_kubelet(one, layout, built.kube)
    for manifest in dns.manifests():
        _create(api, manifest)
    _until(lambda: ready_nodes(api) == len(NODES), "both nodes", NODES_TIMEOUT_S)
    steps.done("both nodes are Ready")
    _until(lambda: _dns_ready(api), "CoreDNS", DNS_TIMEOUT_S)
    steps.done("CoreDNS is available")
    found.complete = True
    found.save()


def _nodes(layout: Layout, found: Record, built: parts.Parts) -> tuple[node.Node, node.Node]:
    started = [node.begin(layout, found, spec, built.pause) for spec in NODES]
    pairs = zip(NODES, started, strict=True)
    first, second = (node.ready(layout, found, spec, child) for spec, child in pairs)
    return first, second


def _forward(first: node.Node, layout: Layout, found: Record) -> None:
    """The API on the loopback address of this machine, through the Unix socket of node1."""
    listen = f"TCP-LISTEN:{found.port},bind=127.0.0.1,reuseaddr,fork"
    words = [machine.program("socat"), listen, f"UNIX-CONNECT:{layout.socket('api')}"]
    child = node.popen(cgroups.entrances(first.cgroups), words, layout.state / "forward.log")
    found.add("forward", child.pid)


def _down(layout: Layout) -> None:
    found = Record.load(layout.record) or Record(layout.record)
    stuck = []
    for process in reversed(found.processes):
        # socat leads a group of one process per connection
        if not record.end(process, group=process.role == "forward"):
            stuck.append(process.role)
    paths = {Path(path) for listed in found.cgroups.values() for path in listed}
    paths |= {path for spec in NODES for path in cgroups.folders(layout.cgroup(spec.name))}
    left = cgroups.remove(sorted(paths))
    shutil.rmtree(layout.etcd, ignore_errors=True)
    if stuck or left:
        raise BedError(f"could not end {stuck}, could not remove {[str(p) for p in left]}")
    shutil.rmtree(layout.state, ignore_errors=True)


def _keep_logs(layout: Layout, steps: Steps) -> None:
    """Say the last lines of every log, since the logs are about to be removed."""
    for path in sorted(layout.state.glob("*/log/*.log")):
        lines = path.read_text(errors="replace").splitlines()[-3:]
        steps.say(f"--- {path.parent.parent.name} {path.stem}")
        for line in lines:
            steps.say(f"    {line[:300]}")


def _containerd_is_up(one: node.Node) -> bool:
    try:
        one.run(machine.program("ctr"), "version", timeout_s=5)
    except BedError:
        return False
    return True


def _create(api: Client, manifest: dict[str, Any]) -> None:
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if "namespace" in metadata:
        base += f"/namespaces/{metadata['namespace']}"
    deadline = time.monotonic() + 10
    while True:  # kube-system itself appears a moment after the API server is ready
        try:
            api.json("POST", f"{base}/{manifest['kind'].lower()}s", manifest)
            return
        except ApiError as error:
            if error.status == 409:
                return
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def ready_nodes(api: Client) -> int:
    """How many nodes say that they are Ready."""
    return sum(
        condition["type"] == "Ready" and condition["status"] == "True"
        for item in api.json("GET", "/api/v1/nodes")["items"]
        for condition in item["status"].get("conditions", ())
    )


def _dns_ready(api: Client) -> bool:
    path = f"/apis/apps/v1/namespaces/{dns.NAMESPACE}/deployments/coredns"
    return bool(api.json("GET", path).get("status", {}).get("availableReplicas"))


def _until(true: Callable[[], bool], what: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        error: Exception | None = None
        try:
            if true():
                return
        except (OSError, ApiError) as caught:
            error = caught
        if time.monotonic() > deadline:
            raise BedError(f"{what} did not become ready within {timeout_s:g} s ({error})")
        time.sleep(0.1)


def _free_port() -> int:
    """The usual port, or else any that is free."""
    for port in (FIRST_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BedError("no free port on 127.0.0.1")
