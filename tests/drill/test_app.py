"""The drill's program as real processes: what it serves, and what it says of its troubles."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "stratus_cli" / "drill" / "data" / "app" / "app.py"
LISTENING = re.compile(r"listening on :(\d+)")
NOBODY = "127.0.0.1:1"  # a privileged port that nobody serves
TIMEOUT_S = 20.0


class Process:
    """One program, listening on `address`."""

    def __init__(self, command: str, **env: str) -> None:
        self.run = subprocess.Popen(
            [sys.executable, PROGRAM, command],
            env={"PATH": os.environ["PATH"], "PORT": "0", **env},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = f"127.0.0.1:{LISTENING.search(self.until('listening on'))[1]}"  # type: ignore[index]

    def until(self, text: str) -> str:
        """The log line with that text; an AssertionError when the log ends without it."""
        assert self.run.stdout
        for line in self.run.stdout:
            if text in line:
                return line
        raise AssertionError(f"the log has no {text!r}")

    def ask(self, path: str = "/") -> tuple[int, Any]:
        """(status, decoded JSON or text)."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=TIMEOUT_S) as got:
                status, body = got.status, got.read().decode()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read().decode()
        return status, body if path == "/metrics" else json.loads(body)


@contextlib.contextmanager
def running(command: str, **env: str) -> Iterator[Process]:
    process = Process(command, **env)
    try:
        yield process
    finally:
        process.run.kill()
        process.run.communicate(timeout=TIMEOUT_S)


def ended(command: str, **env: str) -> tuple[int, str]:
    """(exit code, log) of a program that cannot start."""
    done = subprocess.run(
        [sys.executable, PROGRAM, command],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_request_goes_through_to_the_store(tmp_path: Path) -> None:
    """A service calls its upstreams and its store, and a refused user shows at the top."""
    word = {"STORE_USERNAME": "geo", "STORE_PASSWORD": "x"}
    users = {"APP_USERNAME": "geo", "APP_PASSWORD": "x", "DATA_DIR": str(tmp_path)}
    with (
        running("store", **users) as store,
        running("geo", STORE_ADDRESS=store.address, **word) as geo,
        running("search", GEO_ADDR=geo.address, RATE_ADDR=geo.address) as search,
    ):
        assert search.ask()[0] == 200
        assert store.ask("/admin/users/geo?method=revoke")[0] == 200
        status, body = search.ask()
        assert status == 500
        assert body["errors"]
        assert "not authorized" in geo.until("not authorized")
        assert store.ask("/admin/users/geo?method=drop")[0] == 200
        assert search.ask()[0] == 500
        assert "could not find user" in geo.until("could not find user")
        assert store.ask("/admin/users/geo?method=restore")[0] == 200
        assert search.ask()[0] == 200


def test_metrics_are_named_as_client_libraries_name_them() -> None:
    """Requests are counted by code, and their time is a histogram."""
    with running("text", STATUS="503") as service:
        assert service.ask()[0] == 503
        text = service.ask("/metrics")[1]
    assert 'http_requests_total{method="GET",handler="/",code="503"} 1' in text
    assert 'http_request_duration_seconds_bucket{handler="/",le="+Inf"} 1' in text


def test_the_api_server_s_own_variables_are_no_upstreams() -> None:
    """Kubernetes puts KUBERNETES_PORT_443_TCP_ADDR into every container."""
    with running("text", KUBERNETES_PORT_443_TCP_ADDR=NOBODY) as service:
        assert service.ask()[0] == 200


def test_an_upstream_that_refuses_is_named() -> None:
    """The log says who was called and that the connection was refused."""
    with running("text", OTHER_ADDR=NOBODY) as service:
        assert service.ask()[0] == 500
        line = json.loads(service.until("connection refused"))
    assert line["upstream"] == NOBODY


@pytest.mark.parametrize(
    ("command", "env", "said"),
    [
        ("search", {}, "environment variable GEO_ADDR is required but not set"),
        ("text", {"PORT": "many"}, "invalid value for PORT"),
        ("text", {"CONFIG_FILE": "/no/such/file"}, "open /no/such/file: no such file or directory"),
    ],
)
def test_a_program_that_cannot_start_says_why(command: str, env: dict[str, str], said: str) -> None:
    """It ends with 1 and one line."""
    code, log = ended(command, **env)
    assert code == 1
    assert said in log


def test_a_key_that_is_lost_from_the_configuration_is_named(tmp_path: Path) -> None:
    """The program ends and names file and key."""
    path = tmp_path / "config.json"
    path.write_text('{"window": 1}', encoding="utf-8")
    code, log = ended("home-timeline", CONFIG_FILE=str(path), POST_STORAGE_SERVICE_ADDR=NOBODY)
    assert code == 1
    assert "missing required key 'ranking'" in log


def test_spans_tell_who_called_whom() -> None:
    """Each server's span is the parent of its upstreams' spans."""
    taken: list[dict[str, Any]] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        to = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
        with running("text", **to) as text, running("web", TEXT_ADDR=text.address, **to) as web:
            assert web.ask()[0] == 200
            server.handle_request()
            server.handle_request()
    spans = {}
    for body in taken:
        (resource,) = body["resourceSpans"]
        (name,) = resource["resource"]["attributes"]
        (span,) = resource["scopeSpans"][0]["spans"]
        spans[name["value"]["stringValue"]] = span
    assert spans["text"]["parentSpanId"] == spans["web"]["spanId"]
    assert spans["text"]["traceId"] == spans["web"]["traceId"]


def test_two_programs_on_one_port() -> None:
    """The second one ends and says that the address is in use."""
    with running("text") as first:
        code, log = ended("text", PORT=first.address.rpartition(":")[2])
    assert code == 1
    assert "address already in use" in log


def test_a_poison_record_ends_the_consumer() -> None:
    """The log names topic and offset, and after a skip a new consumer lives."""
    with running("queue") as queue:
        with running(
            "consumer", QUEUE_ADDRESS=queue.address, GROUP="books", POLL_S="0.05"
        ) as reader:
            assert queue.ask("/admin/append?topic=orders&record=what")[0] == 200
            assert "orders[0] offset 0" in reader.until("failed to decode record")
            assert reader.run.wait(TIMEOUT_S) == 1
        assert queue.ask("/admin/skip?topic=orders&group=books")[0] == 200
        assert queue.ask("/offsets/books")[1] == {"offset": 1}


def test_a_flag_makes_a_service_fail(tmp_path: Path) -> None:
    """The flag service reads its file for each request; the service's answer follows."""
    path = tmp_path / "flags.json"
    flag = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    path.write_text(json.dumps({"flags": {"adFailure": flag}}), encoding="utf-8")
    with (
        running("flags", FLAGS_FILE=str(path)) as flags,
        running("ad", FLAGS_ADDRESS=flags.address) as ad,
        running("cart", CACHE_ADDRESS=NOBODY) as cart,
    ):
        assert ad.ask()[0] == 500
        assert cart.ask()[0] == 500  # for its cache


def test_a_cache_with_a_word_refuses_who_has_none() -> None:
    """NOAUTH, as such caches say it; with the word all is well."""
    with (
        running("cache", REQUIREPASS="secret") as cache,
        running("rate", CACHE_ADDRESS=cache.address, STORE_ADDRESS=NOBODY, STORE_USERNAME="a",
                STORE_PASSWORD="b") as rate,
    ):  # fmt: skip
        rate.ask()
        assert "NOAUTH Authentication required" in rate.until("NOAUTH")


def test_the_edge_s_filter_follows_its_file(tmp_path: Path) -> None:
    """A rule that is added blocks from the next request on."""
    path = tmp_path / "filter.json"
    path.write_text('{"rules": []}', encoding="utf-8")
    with (
        running("text") as backend,
        running("edge", BACKEND_ADDR=backend.address, RULES_FILE=str(path)) as edge,
    ):
        assert edge.ask()[0] == 200
        path.write_text('{"rules": [{"name": "all", "pattern": "."}]}', encoding="utf-8")
        os.utime(path, (1, 1))
        assert edge.ask()[0] == 403


def test_the_load_generator_makes_a_request_when_asked() -> None:
    """/through is well when the target is; /outcomes remembers."""
    with running("text") as backend, running("load", TARGET_ADDR=backend.address) as load:
        assert load.ask("/through")[0] == 200
        assert load.ask("/outcomes?n=1")[1][0]["status"] == 200


def test_a_delay_lasts_as_long_as_asked() -> None:
    """Every answer comes that much later, and then no more; nobody has to end it."""
    with running("text") as service:
        assert service.ask("/admin/delay?ms=500&s=60")[0] == 200
        began = time.monotonic()
        assert service.ask()[0] == 200
        assert time.monotonic() - began >= 0.5
        assert service.ask("/admin/delay?ms=500&s=0")[0] == 200
        took = []
        for _ in range(3):
            began = time.monotonic()
            service.ask()
            took.append(time.monotonic() - began)
        assert min(took) < 0.5
