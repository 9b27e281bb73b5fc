"""An API server of the tests' own: real HTTP on loopback, a few kinds, and every way to misbehave.

Serves raw JSON objects from memory with paging, and writes with preconditions. `faults` maps a
path to what happens there instead of an answer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from stratus_cli.kube.kinds import BY_KIND


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer: a status, silence, a trickle, or a cut-off body.

    times: how often; 0 for always.
    """

    kind: str
    status: int = 0
    times: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class ApiServer:
    """The state behind the HTTP handler. requests: (method, path, query) in order of arrival."""

    def __init__(self, items: list[dict[str, Any]], page_size: int = 500) -> None:
        self.items = items
        self.page_size = page_size
        self.faults: dict[str, Fault] = {}
        self.texts: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.accepts: list[tuple[str, str]] = []
        self.released = threading.Event()
        self.version = 100
        self.url = ""
        self._hits: dict[str, int] = {}

    def fault(self, path: str) -> Fault | None:
        """The fault of a path, while it still has times left."""
        fault = self.faults.get(path)
        if fault is None:
            return None
        self._hits[path] = self._hits.get(path, 0) + 1
        return fault if not fault.times or self._hits[path] <= fault.times else None

    def listed(self, path: str) -> tuple[str, list[dict[str, Any]]] | None:
        """Kind and items of a collection path."""
        for info in BY_KIND.values():
            of_kind = [item for item in self.items if item["kind"] == info.kind]
            if path == info.path():
                return info.kind, of_kind
            parts = path.split("/namespaces/")
            if info.namespaced and len(parts) == 2 and path == info.path(parts[1].split("/")[0]):
                name = parts[1].split("/")[0]
                return info.kind, [i for i in of_kind if i["metadata"].get("namespace") == name]
        return None

    def one(self, path: str) -> dict[str, Any] | None:
        """The object at a path."""
        for item in self.items:
            meta = item["metadata"]
            if path == BY_KIND[item["kind"]].path(meta.get("namespace"), meta["name"]):
                return item
        return None


def handler(api: ApiServer) -> type[BaseHTTPRequestHandler]:
    """The HTTP side of one ApiServer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

        def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def status(self, code: int, reason: str, message: str = "") -> None:
            document = {
                "kind": "Status",
                "status": "Failure",
                "code": code,
                "reason": reason,
                "message": message or f"{reason} by the test server",
            }
            self.answer(code, json.dumps(document).encode())

        def handle_all(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            api.requests.append((self.command, url.path, query))
            api.accepts.append((url.path, self.headers.get("Accept", "")))
            fault = api.fault(url.path) or api.fault("*")
            if fault is not None:
                self.misbehave(fault)
            elif self.command == "GET":
                self.read(url.path, query)
            else:
                self.write(url.path, query, body)

        do_GET = do_POST = do_PUT = do_DELETE = handle_all  # http.server's names

        def misbehave(self, fault: Fault) -> None:
            if fault.kind == "status":
                reasons = {
                    401: "Unauthorized",
                    403: "Forbidden",
                    404: "NotFound",
                    410: "Expired",
                    409: "Conflict",
                    422: "Invalid",
                    429: "TooManyRequests",
                }
                reason = reasons.get(fault.status, "InternalError")
                document = {
                    "kind": "Status",
                    "reason": reason,
                    "code": fault.status,
                    "message": f"{reason} by the test server",
                }
                self.answer(fault.status, json.dumps(document).encode(), fault.headers)
            elif fault.kind == "silence":
                api.released.wait(10)
                self.close_connection = True
            elif fault.kind == "trickle":
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                while not api.released.wait(0.05):
                    try:
                        self.wfile.write(b" ")
                    except OSError:
                        break
                self.close_connection = True
            elif fault.kind == "cut":
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                self.wfile.write(b'{"kind":"PodList","metadata":{},"items":[{"metadata":')
                self.close_connection = True
            elif fault.kind == "half":
                self.answer(200, b'{"kind":"PodList","metadata":{},"items":[{"metadata":')
            elif fault.kind == "html":
                self.answer(200, b"<html>log in</html>")
            elif fault.kind == "hang up":
                self.close_connection = True

        def read(self, path: str, query: dict[str, str]) -> None:
            if path in api.texts:
                self.answer(200, api.texts[path])
                return
            if path == "/version":
                self.answer(200, b'{"gitVersion":"v1.34.4"}')
                return
            listed = api.listed(path)
            if listed is not None:
                self.page(*listed, query)
                return
            item = api.one(path)
            if item is None:
                self.status(404, "NotFound", "no such object")
            else:
                self.answer(200, json.dumps(item).encode())

        def page(self, kind: str, items: list[dict[str, Any]], query: dict[str, str]) -> None:
            start = int(query.get("continue", "0"))
            end = start + min(api.page_size, int(query.get("limit", "500")))
            plain = [{k: v for k, v in i.items() if k not in ("kind", "apiVersion")} for i in items]
            meta = {"continue": str(end)} if end < len(items) else {}
            document = {"kind": f"{kind}List", "metadata": meta, "items": plain[start:end]}
            self.answer(200, json.dumps(document).encode())

        def write(self, path: str, query: dict[str, str], body: Any) -> None:
            if path.endswith("selfsubjectreviews"):
                status = {"status": {"userInfo": {"username": "jane"}}}
                self.answer(201, json.dumps(status).encode())
                return
            if path.endswith("selfsubjectaccessreviews"):
                verb = body["spec"]["resourceAttributes"]["verb"]
                self.answer(201, json.dumps({"status": {"allowed": verb != "delete"}}).encode())
                return
            found = api.one(path)
            if self.command == "POST":
                named = f"{path}/{body['metadata']['name']}"
                if api.one(named) is not None:
                    self.status(409, "AlreadyExists")
                    return
                self.stored(query, None, body)
            elif found is None:
                self.status(404, "NotFound")
            elif self.refuses(found, body):
                self.status(409, "Conflict")
            elif self.command == "PUT":
                self.stored(query, found, body)
            else:
                if "dryRun" not in body:  # the real one reads no query where there is a body
                    api.items.remove(found)
                self.answer(200, b'{"kind":"Status","status":"Success"}')

        def refuses(self, found: dict[str, Any], body: Any) -> bool:
            wanted = body.get("preconditions") or body.get("metadata") or {}
            meta = found["metadata"]
            return any(
                wanted.get(key) and wanted[key] != meta.get(key)
                for key in ("uid", "resourceVersion")
            )

        def stored(self, query: dict[str, str], found: Any, body: Any) -> None:
            api.version += 1
            meta = {**body["metadata"], "resourceVersion": str(api.version)}
            meta.setdefault("uid", f"uid-{api.version}")
            after = {**body, "metadata": meta}
            if "dryRun" not in query:
                if found is not None:
                    api.items.remove(found)
                api.items.append(after)
            self.answer(201, json.dumps(after).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # all kinds are asked for at once


@contextmanager
def serving(api: ApiServer) -> Iterator[ApiServer]:
    """Serve it on a port of its own; api.url is set."""
    server = _Server(("127.0.0.1", 0), handler(api))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        api.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(folder: Path, server: str, **user: Any) -> str:
    """A kubeconfig for a server, by default with a token."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "contexts": [{"name": "bench", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user or {"token": "not-a-real-token"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return str(path)


def waited_s(started: float) -> float:
    """Seconds since."""
    return time.monotonic() - started
