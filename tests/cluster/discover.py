"""Targets for the bed's Prometheus, over HTTP: Debian's is built without discovery in Kubernetes.

A sidecar. /pods: those that are annotated prometheus.io/scrape; /nodes: the kubelets' cAdvisor,
behind the API server. Standard library only.
"""

from __future__ import annotations

import http.server
import json
import socketserver
import ssl
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc:443"


def listed(path: str) -> list[dict[str, Any]]:
    """The items of a list of the API server."""
    token = (ACCOUNT / "token").read_text()
    request = urllib.request.Request(API + path, headers={"Authorization": f"Bearer {token}"})
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=5, context=trusted) as answer:
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return items


def pods() -> list[dict[str, Any]]:
    """One group of targets per pod that asks for it and has an address."""
    found = []
    for pod in listed("/api/v1/pods"):
        meta, address = pod["metadata"], pod["status"].get("podIP")
        notes = meta.get("annotations") or {}
        if address and notes.get("prometheus.io/scrape") == "true":
            port = notes.get("prometheus.io/port", "80")
            labels = {"namespace": meta["namespace"], "pod": meta["name"]}
            found.append({"targets": [f"{address}:{port}"], "labels": labels})
    return found


def nodes() -> list[dict[str, Any]]:
    """One group per node."""
    names = [node["metadata"]["name"] for node in listed("/api/v1/nodes")]
    path = "/api/v1/nodes/{}/proxy/metrics/cadvisor"
    return [
        {
            "targets": [API.removeprefix("https://")],
            "labels": {"__metrics_path__": path.format(name), "node": name},
        }
        for name in names
    ]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers 503 where the API server does not answer: Prometheus then keeps what it has."""

    def do_GET(self) -> None:
        """/pods or /nodes."""
        try:
            status, body = 200, json.dumps(nodes() if self.path == "/nodes" else pods()).encode()
        except OSError as error:
            status, body = 503, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Server(http.server.ThreadingHTTPServer):
    """Asks no DNS for its own name."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, without the getfqdn of http.server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "discover", self.server_address[1]


if __name__ == "__main__":
    Server(("127.0.0.1", 9099), Handler).serve_forever()
