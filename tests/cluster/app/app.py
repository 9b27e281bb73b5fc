"""The program of the test images: a small web service that is told by its environment what to do.

PORT (8080), STATUS (answer of `/`, 200), CONFIG (path of a JSON file that must be readable),
UPSTREAMS (comma-separated URLs called on each `/`; one that fails gives 502), START_DELAY_S,
MEMORY_MIB (touched at start). It logs JSON lines and ends at once on SIGTERM. Standard library
only.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socketserver
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

UPSTREAM_TIMEOUT_S = 2.0
PAGE = 4096
BODILESS = (204, 205, 304)


def log(level: str, message: str, **more: object) -> None:
    """One JSON line."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"at": at, "level": level, "message": message, **more}), flush=True)


def fail(message: str, **more: object) -> None:
    """Say why the program cannot start, and end with 1."""
    log("error", message, **more)
    sys.exit(1)


def number(name: str, default: float, low: float, high: float) -> float:
    """A number from the environment; the program ends when it is none or out of bounds."""
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        fail(f"{name} must be a number from {low:g} to {high:g}", name=name, value=text)
    return value


def read_config(path: str) -> object:
    """The JSON of the file at `path`; the program ends when it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        fail(f"cannot read config {path}: {error.strerror}", path=path)
    except ValueError as error:
        fail(f"config {path} is not JSON: {error}", path=path)
    return None


def touch(mebibytes: int) -> bytearray:
    """Memory that is really used: every page is written."""
    block = bytearray(mebibytes << 20)
    for at in range(0, len(block), PAGE):
        block[at] = 1
    return block


def call(url: str) -> str:
    """Call an upstream; "" when it answers well, else what went wrong."""
    try:
        with urllib.request.urlopen(url, timeout=UPSTREAM_TIMEOUT_S) as answer:
            answer.read()
            return ""
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


class Server(ThreadingHTTPServer):
    """A server that asks no DNS for its own name when it binds."""

    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Bind, without the getfqdn of http.server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "app", self.server_address[1]


class Handler(BaseHTTPRequestHandler):
    """Answers `/`, `/healthz`; anything else is 404."""

    protocol_version = "HTTP/1.1"
    status = 200
    upstreams: tuple[str, ...] = ()
    version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.split("?", 1)[0]
        if path == "/healthz":
            self.answer(200, {"status": "ok"})
        elif path == "/":
            failures = {u: why for u in self.upstreams if (why := call(u))}
            for upstream, why in failures.items():
                log("error", f"upstream {upstream} failed: {why}", upstream=upstream, error=why)
            body = {"version": self.version, "host": os.uname().nodename, "failed": failures}
            self.answer(502 if failures else self.status, body)
        else:
            self.answer(404, {"error": "not found"})

    do_HEAD = do_GET

    def answer(self, status: int, body: object) -> None:
        """Send a JSON answer and log the request; health checks that pass are not logged."""
        raw = b"" if status in BODILESS else json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)
        if not (self.path == "/healthz" and status < 400):
            level = "error" if status >= 500 else "info"
            log(level, f"{self.command} {self.path} {status}", path=self.path, status=status)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `answer` logs."""


def main() -> None:
    """Start as the environment says, and serve."""
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_of_signal, lambda *_: os._exit(0))
    port = int(number("PORT", 8080, 1, 65535))
    Handler.status = int(number("STATUS", 200, 200, 599))
    delay_s = number("START_DELAY_S", 0, 0, 86400)
    memory = int(number("MEMORY_MIB", 0, 0, 1 << 20))
    upstreams = os.environ.get("UPSTREAMS", "").split(",")
    Handler.upstreams = tuple(u.strip() for u in upstreams if u.strip())
    for upstream in Handler.upstreams:
        if not upstream.startswith(("http://", "https://")):
            fail(f"UPSTREAMS holds {upstream!r}, which is no http URL", name="UPSTREAMS")
    Handler.version = os.environ.get("VERSION", "")
    if os.environ.get("CONFIG"):
        read_config(os.environ["CONFIG"])
    held = touch(memory)
    time.sleep(delay_s)
    try:
        server = Server(("", port), Handler)
    except OSError as error:
        fail(f"cannot listen on port {port}: {error.strerror}", port=port)
    else:
        log("info", f"listening on port {port}", port=port, memory_mib=len(held) >> 20)
        server.serve_forever()


if __name__ == "__main__":
    main()
