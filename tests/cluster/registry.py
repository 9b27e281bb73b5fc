"""The bed's registry: Debian's docker-registry on the first node, filled over its HTTP API.

This machine reaches it through a Unix socket, as it reaches the API server.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.cluster import oci
from tests.cluster.errors import BedError
from tests.cluster.layout import REGISTRY, Layout
from tests.cluster.machine import program
from tests.cluster.node import Node


def start(node: Node, layout: Layout) -> None:
    """Start the registry and the socket to it."""
    folder = layout.node(node.spec.name) / "registry"
    folder.mkdir(exist_ok=True)
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "storage")},
            "delete": {"enabled": True},
        },
        "http": {"addr": "0.0.0.0:5000"},
    }
    path = folder / "config.json"  # JSON is YAML
    path.write_text(json.dumps(config))
    node.start("registry", program("docker-registry"), "serve", str(path))
    listen = f"UNIX-LISTEN:{layout.socket('registry')},fork"
    node.start("registry-socket", program("socat"), listen, f"TCP:{REGISTRY}")


def fill(layout: Layout, store: oci.Store, timeout_s: float = 10.0) -> int:
    """Push every image of the store; how many. BedError when the registry does not answer."""
    registry = Registry(layout.socket("registry"))
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            registry.request("GET", "/v2/")
            break
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                raise BedError(f"the registry does not answer: {error}") from error
            time.sleep(0.05)
    count = 0
    for repository, tag, manifest in store.manifests():
        registry.push(store, repository, tag, manifest)
        count += 1
    return count


class Registry:
    """A client of the registry's HTTP API (distribution v2) over a Unix socket."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def push(self, store: oci.Store, repository: str, tag: str, manifest: bytes) -> None:
        """Push one image: the blobs that are missing, then the manifest."""
        for digest in oci.digests(manifest):
            status, _ = self.request("HEAD", f"/v2/{repository}/blobs/{digest}", check=False)
            if status == 200:
                continue
            _, headers = self.request("POST", f"/v2/{repository}/blobs/uploads/")
            place = urlsplit(headers["Location"])
            target = f"{place.path}?{place.query}&digest={digest}"
            self.request("PUT", target, store.get(digest), "application/octet-stream")
        self.request("PUT", f"/v2/{repository}/manifests/{tag}", manifest, oci.MANIFEST_TYPE)

    def request(
        self, method: str, path: str, body: bytes = b"", kind: str = "", *, check: bool = True
    ) -> tuple[int, http.client.HTTPMessage]:
        """One request; status and headers. BedError on a status of 400 and above, if checked."""
        connection = http.client.HTTPConnection(REGISTRY, timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(30)
            connection.sock.connect(str(self.path))
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            text = answer.read()
            if check and answer.status >= 400:
                raise BedError(f"registry: {method} {path}: {answer.status} {text[:300]!r}")
            return answer.status, answer.headers
        finally:
            connection.close()
