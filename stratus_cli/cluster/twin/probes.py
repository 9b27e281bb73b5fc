"""kubelet's probes: startup, readiness, liveness (pkg/kubelet/prober)."""

from __future__ import annotations

from collections.abc import Callable

from stratus_cli.cluster.twin.containers import Container, ProbeState
from stratus_cli.cluster.twin.network import REFUSED, Host, Network
from stratus_cli.cluster.twin.store import Item

KINDS = (
    ("Startup", "startupProbe"),
    ("Readiness", "readinessProbe"),
    ("Liveness", "livenessProbe"),
)
NAMES = dict(KINDS)
Failed = Callable[[Container, str], None]


class Prober:
    """Runs single probes of one pod's containers and keeps their consecutive results."""

    def __init__(self, host: Host, network: Network, address: Callable[[], str]) -> None:
        self._host = host
        self._network = network
        self._address = address

    def run(self, container: Container, kind: str, now_s: float, failed: Failed) -> bool:
        """One tick. True when the container's status has changed or it must be restarted."""
        if container.state != "running" or container.doomed:
            return False
        if (kind == "Startup") == container.startup_done:
            return False
        probe = container.spec[NAMES[kind]]
        if now_s - container.started_s < probe.get("initialDelaySeconds", 0):
            return False
        trouble = self._check(container, probe)
        if trouble:
            failed(container, f"{kind} probe failed: {trouble}")
        state = container.probes.setdefault(kind, ProbeState())
        good = not trouble
        state.count = state.count + 1 if state.last is good else 1
        state.last = good
        limit = probe["successThreshold"] if good else probe["failureThreshold"]
        return state.count >= limit and self._apply(container, kind, good)

    def _apply(self, container: Container, kind: str, good: bool) -> bool:
        if kind == "Readiness":
            changed = container.ready is not good
            container.ready = good
            return changed
        if good:
            if kind == "Startup":
                container.startup_done = True
                container.ready = not container.spec.get("readinessProbe")
                return True
            return False
        container.doomed = kind.lower()
        return True

    def _check(self, container: Container, probe: Item) -> str:
        """What went wrong, or ""."""
        get = probe.get("httpGet")
        if get:
            port = _number(container, get["port"])
            code = self._network.ask_pod(self._host, port, get.get("path", "/"))
            if code == REFUSED:
                where = f"{get.get('host') or self._address()}:{port}"
                url = f"{get.get('scheme', 'HTTP').lower()}://{where}{get.get('path', '/')}"
                return f'Get "{url}": dial tcp {where}: connect: connection refused'
            if not 200 <= code < 400:
                return f"HTTP probe failed with statuscode: {code}"
            return ""
        target = probe.get("tcpSocket") or probe.get("grpc")
        if target:
            port = _number(container, target["port"])
            if self._network.listener(self._host, port) is None:
                return f"dial tcp {self._address()}:{port}: connect: connection refused"
        return ""


def _number(container: Container, port: int | str) -> int:
    if isinstance(port, int):
        return port
    for known in container.spec.get("ports") or ():
        if known.get("name") == port:
            return int(known["containerPort"])
    return int(port) if port.isdigit() else 0
