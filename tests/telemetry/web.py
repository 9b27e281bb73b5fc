"""Real HTTP for the telemetry tests: a server that answers by path, and programs on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cluster import machine
from tests.cluster.parts import MONITORS

Answer = tuple[int, bytes]


@contextmanager
def answering(answer: Callable[[str, dict[str, str], Mapping[str, str]], Answer]) -> Iterator[str]:
    """A server whose answers are made of path, query and headers. Gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            status, body = answer(url.path, query, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class ServiceProxy:
    """What a cluster fetches, from a table of answers by path."""

    def __init__(self, answers: Mapping[str, bytes | Exception]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        self.asked.append((path, query))
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def program(name: str, folder: Path, ready: str, *arguments: str) -> Iterator[None]:
    """Run a program until the block ends; skip where it is not and cannot be installed."""
    path = shutil.which(name)
    if path is None and not machine.why_not():
        machine.install_missing(lambda text: print(text, file=sys.stderr), MONITORS)
        path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    with (folder / f"{Path(name).name}.log").open("wb") as log:
        process = subprocess.Popen([path, *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        eventually(lambda: is_up(ready), 20)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_up(url: str) -> bool:
    """Whether it answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def eventually(holds: Callable[[], bool], deadline_s: float) -> None:
    """Poll until it holds."""
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)
