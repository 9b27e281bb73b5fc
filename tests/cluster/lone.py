"""A control plane of a test's own: etcd and an API server, without nodes or controllers.

For what would disturb a shared cluster, such as an API server that is killed and started again.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import parts, pki
from tests.cluster.client import ApiError, Client
from tests.cluster.layout import CONTEXT, SERVICES, SHARED_MEMORY, Layout
from tests.cluster.machine import program

READY_WITHIN_S = 60.0


class LoneApi:
    """A running control plane. kubeconfig: the administrator's."""

    context = CONTEXT

    def __init__(self, folder: Path, kube: Path) -> None:
        self.folder = folder
        self._kube = kube
        self._layout = _Here(folder.name, folder)
        self._etcd, self._peer, self._port = _free_ports(3)
        self._data = SHARED_MEMORY / f"stratus-lone-{self._port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        pki.create(self._layout, self._port)
        self.kubeconfig = str(self._layout.kubeconfig)

    def api(self, method: str, path: str, body: object = None, kind: str = "") -> dict[str, Any]:
        """The API's answer, as the administrator. ApiError on an error's status."""
        config = json.loads(Path(self.kubeconfig).read_text())
        return Client.of(config).json(method, path, body, kind)

    def up(self) -> None:
        """Start what does not run, and wait until it answers."""
        if "etcd" not in self._processes:
            self._start("etcd", *self._etcd_words())
        if "kube-apiserver" not in self._processes:
            self._start("kube-apiserver", *self._api_words())
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise AssertionError(f"no API server within {READY_WITHIN_S:g} s: {self._log()}")
            time.sleep(0.1)

    def stop(self, name: str = "kube-apiserver") -> None:
        """kill -9."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def down(self) -> None:
        """Stop everything, and leave nothing."""
        for name in list(self._processes):
            self.stop(name)
        shutil.rmtree(self._data, ignore_errors=True)

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            # It ends with the thread that started it, so that a killed test leaves nothing.
            self._processes[name] = subprocess.Popen(
                [program("setpriv"), "--pdeathsig", "KILL", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError, ApiError):
            self.api("GET", "/readyz")
            return bool(self.api("GET", "/api/v1/namespaces/kube-system"))
        return False

    def _log(self) -> str:
        return (self.folder / "kube-apiserver.log").read_text(errors="replace")[-800:]

    def _etcd_words(self) -> tuple[str, ...]:
        client, peer = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peer}"
        return (
            program("etcd"),
            "--unsafe-no-fsync",
            f"--data-dir={self._data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )

    def _api_words(self) -> tuple[str, ...]:
        keys = self._layout.pki
        return (
            str(self._kube),
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={keys / 'api.crt'}",
            f"--tls-private-key-file={keys / 'api.key'}",
            f"--client-ca-file={keys / 'ca.crt'}",
            f"--token-auth-file={keys / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--service-cluster-ip-range={SERVICES}",
            f"--service-account-key-file={keys / 'sa.pub'}",
            f"--service-account-signing-key-file={keys / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--cert-dir={keys / 'api'}",
        )


@contextmanager
def lone_api(folder: Path) -> Iterator[LoneApi]:
    """A control plane that answers. AssertionError when Kubernetes is not built."""
    kube = parts.kube_if_built()
    assert kube is not None, "Kubernetes is not built: python -m tests.cluster up"
    made = LoneApi(folder, kube)
    try:
        made.up()
        yield made
    finally:
        made.down()


@dataclass(frozen=True)
class _Here(Layout):
    """The files of a bed, in a test's own folder."""

    folder: Path = Path()

    @property
    def state(self) -> Path:
        """The test's folder."""
        return self.folder


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
