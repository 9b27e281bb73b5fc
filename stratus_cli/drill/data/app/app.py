"""The program of the drill's apps: services, stores, caches, queues, an edge and a load generator.

`app.py COMMAND`: a service of the table below, or one of store, cache, queue, consumer, edge, load,
flags, exporter, reindex, flood, shipper, gate, operator, janitor, remover, webhook. The environment
says the rest:

PORT, STATUS (answer of `/`), VERSION, LOG_FORMAT (json | otel | text)
*_ADDR: services that are called on each request, as host:port
LATENCY_MS, WORK_MS (CPU), CONCURRENCY (requests served at once), START_DELAY_S
MEMORY_MIB, SHM_MIB (a file in /dev/shm), POOL_SIZE (open files), GARBAGE_KIB and GC_PERCENT
TIMEOUT_MS, RETRIES, BACKOFF_MS: how upstreams are called
STORE_ADDRESS, STORE_USERNAME, STORE_PASSWORD, STORE_TLS; CACHE_ADDRESS, CACHE_PASSWORD
QUEUE_ADDRESS, FLAGS_ADDRESS, FLAGS_FILE, CONFIG_FILE, RULES_FILE
INGRESS_CLASS: the edge routes by the Ingresses of that class, with their TLS Secret, on TLS_PORT
TARGET_ADDR, TARGET_CA (a file; then TLS), RPS: what the load generator calls
OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME: where spans go, as OTLP/HTTP JSON

A service serves `/`, `/healthz`, `/metrics` and `/admin/delay?ms=M&s=S` (S seconds of answering M
milliseconds later, as on a slow network). Standard library only, and few imports: a small
machine starts many of these at once.
"""

# ruff: noqa: INP001  # a program of its own, mounted into containers; no package

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

# Ports and required variables of the programs in the image.
PORTS = {
    "frontend": 5000,
    "profile": 8081,
    "search": 8082,
    "geo": 8083,
    "rate": 8084,
    "recommendation": 8085,
    "user": 8086,
    "reservation": 8087,
    "store": 27017,
    "cache": 11211,
    "queue": 9092,
    "flags": 8013,
    "exporter": 9100,
}
REQUIRED = {
    "search": ("GEO_ADDR", "RATE_ADDR"),
    "geo": ("STORE_ADDRESS", "STORE_USERNAME", "STORE_PASSWORD"),
    "rate": ("STORE_ADDRESS", "STORE_USERNAME", "STORE_PASSWORD"),
    "compose-post": ("TEXT_SERVICE_ADDR", "USER_SERVICE_ADDR", "POST_STORAGE_SERVICE_ADDR"),
    "home-timeline": ("POST_STORAGE_SERVICE_ADDR",),
    "post-storage": ("STORE_ADDRESS", "STORE_USERNAME", "STORE_PASSWORD"),
    "checkout": ("CART_ADDR", "CURRENCY_ADDR", "PAYMENT_ADDR", "PRODUCT_CATALOG_ADDR"),
    "cart": ("CACHE_ADDRESS",),
    "product-catalog": ("STORE_ADDRESS",),
    "recommendation": (),
    "consumer": ("QUEUE_ADDRESS",),
    "load": ("TARGET_ADDR",),
    "reindex": ("STORE_ADDRESS",),
    "flood": ("CACHE_ADDRESS",),
}
CONFIG_KEYS = {
    "profile": ("pageSize", "cacheTtlSeconds", "locale"),
    "home-timeline": ("window", "ranking"),
    "product-catalog": ("pageSize", "cacheSeconds", "language"),
}
FLAGS = {  # what a flag does to a service
    "home-timeline": {"rankByAffinity": "failure"},
    "ad": {"adFailure": "failure", "adHighCpu": "cpu"},
    "cart": {"cartFailure": "failure"},
    "image-provider": {"imageSlowLoad": "slow"},
    "payment": {"paymentFailure": "failure"},
    "product-catalog": {"productCatalogFailure": "failure", "productCatalogNewQuery": "query"},
    "recommendation": {"recommendationCacheFailure": "leak"},
    "checkout": {"paymentUnreachable": "unreachable", "kafkaQueueProblems": "queue"},
    "load": {"loadGeneratorFloodHomepage": "flood"},
}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LEVELS = {"info": "INFO", "warn": "WARN", "error": "ERROR"}
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
ENTRY_TTL_S = 10.0
ADDRESS_TTL_S = 5.0
ADDRESSES: dict[str, tuple[float, str]] = {}
STORES = "kv.example.com/v1"
FINALIZER = "reports.example.com/cleanup"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
KEEP = 600  # outcomes that the load generator remembers
Env = Mapping[str, str]
Reply = tuple[int, Any]
ENV: Env = os.environ
COMMAND = sys.argv[1] if len(sys.argv) > 1 else ""


def log(level: str, message: str, **more: object) -> None:
    """One line in the format of this service."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    shape = ENV.get("LOG_FORMAT", "json")
    if shape == "text":
        rest = "".join(f" {key}={value}" for key, value in more.items())
        line = f"[{at}] <{level}>: ({COMMAND}) {message}{rest}"
    elif shape == "otel":
        line = json.dumps(
            {"timestamp": at, "severity": LEVELS[level], "body": message, "attributes": more}
        )
    else:
        line = json.dumps({"time": at, "level": level, "msg": message, **more})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def fail(message: str, **more: object) -> NoReturn:
    """Say why the program cannot go on, and end with 1."""
    log("error", message, **more)
    sys.stdout.flush()
    os._exit(1)


def number(name: str, default: float = 0.0) -> float:
    """A number of the environment; the program ends when it is none."""
    text = ENV.get(name) or str(default)
    try:
        return float(text)
    except ValueError:
        fail(f"invalid value for {name}: {text!r} is not a number")


# ---- HTTP, as little as is needed ----


class Trouble(Exception):
    """A call that got no answer. str() is what the log says."""


def split(address: str, default: int = 80) -> tuple[str, int]:
    """(host, port) of "host:port", with or without http://."""
    address = address.removeprefix("http://").removeprefix("https://").rstrip("/")
    host, _, port = address.partition(":")
    return host, int(port) if port.isdigit() else default


def connect(address: str, timeout_s: float) -> socket.socket:
    """A connection to host:port. Trouble says what went wrong, as Go's net package would."""
    host, port = split(address)
    try:
        return socket.create_connection((resolve(host), port), timeout_s)
    except socket.gaierror as error:
        why = "server misbehaving" if error.errno == socket.EAI_AGAIN else "no such host"
        raise Trouble(f"dial tcp: lookup {host}: {why}") from error
    except TimeoutError as error:
        raise Trouble(f"dial tcp {host}:{port}: i/o timeout") from error
    except ConnectionRefusedError as error:
        raise Trouble(f"dial tcp {host}:{port}: connect: connection refused") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Trouble(f"dial tcp {host}:{port}: connect: {why}") from error


def resolve(host: str) -> str:
    """An address of the host, remembered for a moment: real clients keep their connections."""
    known = ADDRESSES.get(host)
    if known is None or known[0] < time.monotonic():
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
        known = ADDRESSES[host] = (time.monotonic() + ADDRESS_TTL_S, str(found[0][4][0]))
    return known[1]


def call(
    address: str,
    path: str = "/",
    *,
    method: str = "GET",
    body: object = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 2.0,
    tls: str = "",
) -> Reply:
    """One request. (status, decoded JSON or text). Trouble when there is no answer."""
    raw = b"" if body is None else json.dumps(body).encode()
    host, port = split(address)
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close"]
    head += [f"{key}: {value}" for key, value in (headers or {}).items()]
    head += [f"Content-Length: {len(raw)}", "", ""]
    end = time.monotonic() + timeout_s
    link = connect(address, timeout_s)
    with link:
        try:
            if tls:
                link = wrapped(link, host, tls)
            link.settimeout(max(end - time.monotonic(), 0.001))
            link.sendall("\r\n".join(head).encode() + raw)
            status, _, answer = read_message(link)
        except TimeoutError as error:
            raise Trouble(
                f"{method} http://{host}:{port}{path}: context deadline exceeded"
            ) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or "EOF"
            raise Trouble(f"{method} http://{host}:{port}{path}: {why}") from error
    try:
        return int(status.split()[1]), json.loads(answer) if answer else None
    except (ValueError, IndexError):
        words = status.split()
        code = int(words[1]) if len(words) > 1 and words[1].isdigit() else 502
        return code, answer.decode("utf-8", "replace")


def wrapped(link: socket.socket, host: str, ca_file: str) -> socket.socket:
    """The connection in TLS; the server's certificate must be good for `host`."""
    import ssl

    context = ssl.create_default_context(cafile=ca_file)
    return context.wrap_socket(link, server_hostname=host)


def read_message(link: socket.socket) -> tuple[str, dict[str, str], bytes]:
    """(first line, headers in lower case, body) of one message. ValueError when it is cut short."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = link.recv(65536)
        if not more:
            raise ValueError("EOF")
        data += more
        if len(data) > 1 << 20:
            raise ValueError("header too long")
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        key, _, value = line.partition(":")
        headers[key.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return first, headers, read_chunks(link, body)
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        more = link.recv(65536)
        if not more:
            raise ValueError("unexpected EOF")
        body += more
    return first, headers, body


def read_chunks(link: socket.socket, data: bytes) -> bytes:
    """The body of a chunked message, of which `data` has come already."""
    body = b""
    while True:
        while b"\r\n" not in data:
            data += received(link)
        line, _, data = data.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            return body
        while len(data) < size + 2:
            data += received(link)
        body, data = body + data[:size], data[size + 2 :]


def received(link: socket.socket) -> bytes:
    """What has come. ValueError when nothing more will."""
    more = link.recv(65536)
    if not more:
        raise ValueError("unexpected EOF")
    return more


class Request:
    """What a handler gets. path has no query; query is a dict of its values."""

    def __init__(self, first: str, headers: dict[str, str], body: bytes) -> None:
        self.method, target, *_ = (*first.split(), "/", "/")
        path, _, rest = target.partition("?")
        self.path = path
        pairs = (part.partition("=") for part in rest.split("&") if part)
        self.query = {key: value for key, _, value in pairs}
        self.headers = headers
        self.body = body

    def json(self) -> Any:  # noqa: ANN401  # JSON as it comes
        """The body. ValueError when it is no JSON."""
        return json.loads(self.body or b"null")


Handler = Callable[[Request], Reply]


class Server:
    """A thread for each connection, one request for each connection."""

    def __init__(
        self,
        port: int,
        handle: Handler,
        limit: int = 0,
        context: Any = None,  # noqa: ANN401  # ssl is imported late
    ) -> None:
        self.handle = handle
        self.gate = threading.BoundedSemaphore(limit) if limit else None
        self.context = context
        self.meter = Meter()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.listener.bind(("", port))
        except OSError as error:
            fail(f"listen tcp :{port}: bind: {(error.strerror or '').lower()}", port=port)
        self.listener.listen(128)
        port = self.listener.getsockname()[1]
        log("info", f"listening on :{port}", port=port, version=ENV.get("VERSION", ""))

    def serve(self) -> NoReturn:
        """For ever."""
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError as error:
                log("error", f"accept: {(error.strerror or '').lower()}")
                time.sleep(0.1)
                continue
            threading.Thread(target=self.one, args=(link, self.context), daemon=True).start()

    def one(self, link: socket.socket, context: Any) -> None:  # noqa: ANN401  # ssl is imported late
        """Serve one connection."""
        with link:
            try:
                link.settimeout(30)
                if context:
                    link = context.wrap_socket(link, server_side=True)
                request = Request(*read_message(link))
            except (OSError, ValueError):
                return
            began = time.monotonic()
            status, body = self.answer(request)
            self.record(request, status, time.monotonic() - began)
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            kind = "text/plain; version=0.0.4" if isinstance(body, str) else "application/json"
            head = (
                f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(raw)}\r\nConnection: close\r\n\r\n"
            )
            try:
                link.sendall(head.encode() + (b"" if request.method == "HEAD" else raw))
                # The caller closes first, so that TIME_WAIT is on its side, as with real clients.
                link.settimeout(1)
                link.recv(1)
            except OSError:
                pass

    def answer(self, request: Request) -> Reply:
        """What the request gets. A handler that raises is a 500 with the error in the log."""
        if request.path == "/metrics":
            return 200, self.meter.text()
        try:
            if self.gate is None or request.path == "/healthz":
                return self.handle(request)
            with self.gate:
                return self.handle(request)
        except Exception as error:  # noqa: BLE001 -- a server answers 500 and lives on
            log("error", f"unhandled error in {request.path}: {type(error).__name__}: {error}")
            return 500, {"error": str(error)}

    def record(self, request: Request, status: int, took_s: float) -> None:
        """Count the request and log it; health checks that pass are not logged."""
        if request.path == "/healthz" and status < 400:
            return
        self.meter.add(request.method, request.path, status, took_s)
        if status >= 500:
            log(
                "error",
                f"{request.method} {request.path} {status}",
                status=status,
                duration_ms=round(took_s * 1000, 1),
            )
        elif ENV.get("ACCESS_LOG", "1") == "1":
            log("info", f"{request.method} {request.path} {status}", status=status)


class Meter:
    """Counters and histograms in Prometheus text, named as the client libraries name them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.counts: dict[tuple[str, str, int], int] = {}
        self.buckets: dict[str, list[float]] = {}
        self.gauges: dict[str, float] = {"process_start_time_seconds": time.time()}

    def add(self, method: str, path: str, status: int, took_s: float) -> None:
        """One request."""
        with self.lock:
            key = (method, path, status)
            self.counts[key] = self.counts.get(key, 0) + 1
            row = self.buckets.setdefault(path, [0.0] * (len(BUCKETS) + 2))
            for at, bound in enumerate(BUCKETS):
                row[at] += took_s <= bound
            row[-2] += 1
            row[-1] += took_s

    def text(self) -> str:
        """All of it."""
        with self.lock:
            return "\n".join(self.lines()) + "\n"

    def lines(self) -> Iterator[str]:
        """The lines of text()."""
        yield "# TYPE http_requests_total counter"
        for (method, path, status), count in self.counts.items():
            labels = f'method="{method}",handler="{path}",code="{status}"'
            yield f"http_requests_total{{{labels}}} {count}"
        name = "http_request_duration_seconds"
        yield f"# TYPE {name} histogram"
        for path, row in self.buckets.items():
            for at, bound in enumerate(BUCKETS):
                yield f'{name}_bucket{{handler="{path}",le="{bound}"}} {row[at]:g}'
            yield f'{name}_bucket{{handler="{path}",le="+Inf"}} {row[-2]:g}'
            yield f'{name}_count{{handler="{path}"}} {row[-2]:g}'
            yield f'{name}_sum{{handler="{path}"}} {row[-1]:.6f}'
        yield "# TYPE process_resident_memory_bytes gauge"
        yield f"process_resident_memory_bytes {resident()}"
        for key, value in self.gauges.items():
            yield f"# TYPE {key} gauge"
            yield f"{key} {value:g}"


def resident() -> int:
    """Bytes of memory that this process has."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


# ---- spans ----


class Tracer:
    """Collects spans and sends them each second. Without an endpoint it does nothing."""

    def __init__(self) -> None:
        self.endpoint = ENV.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        self.name = ENV.get("OTEL_SERVICE_NAME", COMMAND)
        self.spans: list[dict[str, Any]] = []
        if self.endpoint:
            threading.Thread(target=self.run, daemon=True).start()

    def span(
        self, ident: str, trace: str, parent: str, name: str, began: float, error: str
    ) -> None:
        """Note a server's span that has ended; began: seconds since the epoch."""
        if not self.endpoint or len(self.spans) >= 2000:
            return
        self.spans.append(
            {
                "traceId": trace,
                "spanId": ident,
                "parentSpanId": parent,
                "name": name,
                "kind": 2,
                "startTimeUnixNano": str(int(began * 1e9)),
                "endTimeUnixNano": str(time.time_ns()),
                "status": {"code": 2, "message": error} if error else {},
            }
        )

    def run(self) -> None:
        """Send what has gathered; what cannot be sent is dropped."""
        key = {"key": "service.name", "value": {"stringValue": self.name}}
        while True:
            time.sleep(1)
            batch, self.spans = self.spans, []
            if batch:
                scope = {"scope": {"name": "app"}, "spans": batch}
                body = {
                    "resourceSpans": [{"resource": {"attributes": [key]}, "scopeSpans": [scope]}]
                }
                kind = {"Content-Type": "application/json"}
                try:
                    call(self.endpoint, "/v1/traces", method="POST", body=body, headers=kind)
                except Trouble:
                    continue


# ---- a service ----


class Flags:
    """The flags that are on: from the flag service or from a file; asked once a second."""

    def __init__(self) -> None:
        self.address = ENV.get("FLAGS_ADDRESS", "")
        self.file = ENV.get("FLAGS_FILE", "")
        self.mine = FLAGS.get(COMMAND, {})
        self.at = 0.0
        self.on: dict[str, Any] = {}

    def effects(self) -> set[str]:
        """What the flags that are on do to this service."""
        if time.monotonic() - self.at > 1 and (self.address or self.file):
            self.at = time.monotonic()
            self.on = self.read()
        return {effect for name, effect in self.mine.items() if self.on.get(name)}

    def read(self) -> dict[str, Any]:
        """name -> value; the last known ones when they cannot be read."""
        try:
            if self.address:
                status, body = call(self.address, "/flags", timeout_s=0.5)
                return dict(body) if status == 200 else self.on
            with open(self.file, encoding="utf-8") as file:
                return dict(json.load(file))
        except (Trouble, OSError, ValueError, TypeError) as error:
            log("warn", f"cannot read feature flags, using the last known ones: {error}")
            return self.on


class Service:
    """Answers `/`: does its own work, asks its store and cache, calls its upstreams."""

    def __init__(self) -> None:
        self.upstreams = {
            key: value
            for key, value in ENV.items()
            if key.endswith("_ADDR") and value and not key.startswith("KUBERNETES_")
        }
        self.flags = Flags()
        self.tracer = Tracer()
        self.timeout_s = number("TIMEOUT_MS", 3000) / 1000
        self.retries = int(number("RETRIES"))
        self.backoff_s = number("BACKOFF_MS", 50) / 1000
        self.garbage: list[bytes] = []
        self.kept: list[bytearray] = []
        self.late_s, self.late_until = 0.0, 0.0

    def handle(self, request: Request) -> Reply:
        """One request."""
        if request.path == "/healthz":
            return 200, {"status": "SERVING"}
        if request.path == "/admin/delay":
            self.late_s = float(request.query["ms"]) / 1000
            self.late_until = time.monotonic() + float(request.query["s"])
            return 200, {"late_s": self.late_s}
        if request.path not in ("/", "/index.html"):
            return 404, {"error": "not found"}
        trace, parent = traced(request)
        began = time.time()
        ident = os.urandom(8).hex()
        errors = self.work(trace, ident, request)
        status = int(number("STATUS", 200))
        if errors:
            status = 500
        name = f"{request.method} {request.path}"
        self.tracer.span(ident, trace, parent, name, began, " ".join(errors))
        return status, {"service": COMMAND, "host": os.uname().nodename, "errors": errors}

    def work(self, trace: str, ident: str, request: Request) -> list[str]:
        """Everything a request causes; what failed."""
        effects = self.flags.effects()
        time.sleep(self.late_s * (time.monotonic() < self.late_until))
        time.sleep(number("LATENCY_MS") / 1000 + 2.0 * ("slow" in effects))
        burn((number("WORK_MS") + 400 * ("cpu" in effects)) / 1000)
        self.collect("leak" in effects)
        errors = []
        if "failure" in effects:
            errors.append(f"{COMMAND} failed: internal error")
            log("error", f"failed to serve request: {COMMAND}: internal error")
        asks: list[tuple[str, Callable[[], str]]] = []
        if ENV.get("CACHE_ADDRESS"):
            asks.append(("cache", ask_cache))
        if ENV.get("STORE_ADDRESS"):
            asks.append(("store", lambda: ask_store("query" in effects)))
        if ENV.get("QUEUE_ADDRESS"):
            asks.append(("queue", lambda: produce(500 if "queue" in effects else 1)))
        for name, ask in asks:
            if why := ask():
                errors.append(f"{name}: {why}")
        for key, address in self.upstreams.items():
            if key == "PAYMENT_ADDR" and "unreachable" in effects:
                address = "badaddress:50051"  # noqa: PLW2901 -- the flag's effect
            if why := self.upstream(address, trace, ident):
                errors.append(f"{address}: {why}")
        return errors

    def upstream(self, address: str, trace: str, ident: str) -> str:
        """Call one upstream, retrying as the environment says; "" when it went well."""
        why = ""
        headers = {"traceparent": f"00-{trace}-{ident}-01"}
        for attempt in range(self.retries + 1):
            try:
                status, _ = call(address, headers=headers, timeout_s=self.timeout_s)
                why = "" if status < 500 else f"http status {status}"
            except Trouble as error:
                why = str(error)
            if not why:
                return ""
            if attempt < self.retries:
                time.sleep(self.backoff_s)
        log(
            "error", f"call to {address} failed: {why}", upstream=address, attempts=self.retries + 1
        )
        return why

    def collect(self, leak: bool) -> None:
        """Garbage of a request, collected when it has grown by GC_PERCENT of what is live."""
        if leak:
            self.kept.append(touched(2 << 20))
        made = int(number("GARBAGE_KIB"))
        if made:
            self.garbage.append(bytes(touched(made << 10)))
            live = number("LIVE_MIB", 8) * (1 << 20)
            percent = ENV.get("GC_PERCENT", "100")
            if percent != "off" and len(self.garbage) * (made << 10) > live * float(percent) / 100:
                self.garbage.clear()


def traced(request: Request) -> tuple[str, str]:
    """(trace id, parent span) of the request; a new trace when it brings none."""
    parts = request.headers.get("traceparent", "").split("-")
    return (parts[1], parts[2]) if len(parts) == 4 else (os.urandom(16).hex(), "")


def burn(seconds: float) -> None:
    """Use the CPU for so long, in CPU seconds of this thread."""
    end = time.thread_time() + seconds
    while seconds > 0 and time.thread_time() < end:
        sum(range(2000))


def touched(size: int) -> bytearray:
    """Memory that is really used: every page is written."""
    block = bytearray(size)
    for at in range(0, size, 4096):
        block[at] = 1
    return block


def ask_store(bad_query: bool) -> str:
    """Read one document; "" when it went well, else the store's own words."""
    user, word = ENV.get("STORE_USERNAME", ""), ENV.get("STORE_PASSWORD", "")
    basic = base64.b64encode(f"{user}:{word}".encode()).decode()
    name = "price_v2" if bad_query else ENV.get("STORE_FIELD", "name")
    path = f"/find?db={ENV.get('STORE_DB', COMMAND)}&field={name}"
    tls = ENV.get("STORE_TLS", "")
    return told("store", ENV["STORE_ADDRESS"], path, {"Authorization": f"Basic {basic}"}, tls)


def ask_cache() -> str:
    """Read one entry; "" when it went well, else the cache's own words."""
    word = ENV.get("CACHE_PASSWORD", "")
    return told(
        "cache", ENV["CACHE_ADDRESS"], "/get?key=item", {"X-Auth": word} if word else {}, ""
    )


def told(what: str, address: str, path: str, headers: Mapping[str, str], tls: str) -> str:
    """Ask a store or cache; its error, logged, or ""."""
    try:
        status, body = call(address, path, headers=headers, timeout_s=2.5, tls=tls)
    except Trouble as error:
        log("error", f"{what} {address}: {error}", address=address)
        return str(error)
    if status < 400:
        return ""
    why = str(body.get("error", status)) if isinstance(body, dict) else f"http status {status}"
    log("error", f"{what} {address}: {why}", address=address)
    return why


def produce(count: int) -> str:
    """Append records to the queue; many at once are held up by its quota, as brokers do."""
    time.sleep(1.0 if count > 100 else 0)
    record = json.dumps({"order": int(time.time() * 1000), "items": 1})
    try:
        body = {"records": [record] * count}
        status, _ = call(ENV["QUEUE_ADDRESS"], "/topics/orders", method="POST", body=body)
        return "" if status < 400 else f"http status {status}"
    except Trouble as error:
        log("error", f"produce to orders failed: {error}", address=ENV["QUEUE_ADDRESS"])
        return str(error)


def prepare() -> list[Any]:
    """What a service needs before it can listen. The result keeps files and memory in use."""
    held: list[Any] = []
    if path := ENV.get("CONFIG_FILE"):
        read_config(path)
    try:
        held += [open(os.devnull, "rb") for _ in range(int(number("POOL_SIZE")))]  # noqa: SIM115
    except OSError as error:
        fail(f"cannot open connection pool: {error.strerror}", pool_size=ENV.get("POOL_SIZE"))
    if size := int(number("SHM_MIB")):
        share(size)
    held.append(touched(int(number("MEMORY_MIB")) << 20))
    time.sleep(number("START_DELAY_S"))
    return held


def read_config(path: str) -> None:
    """The JSON of the file; the program ends when it lacks a key that this service needs."""
    try:
        with open(path, encoding="utf-8") as file:
            body = json.load(file)
    except OSError as error:
        fail(f"open {path}: {(error.strerror or '').lower()}", path=path)
    except ValueError as error:
        fail(f"cannot parse {path}: {error}", path=path)
    for key in CONFIG_KEYS.get(COMMAND, ()):
        if key not in body:
            fail(f"invalid configuration {path}: missing required key {key!r}", path=path, key=key)


def share(mebibytes: int) -> None:
    """Write a file of that size into shared memory."""
    path = f"/dev/shm/{COMMAND}.cache"  # noqa: S108 -- shared memory is what is meant
    try:
        with open(path, "wb") as file:
            file.writelines(b"\1" * (1 << 20) for _ in range(mebibytes))
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}", path=path, size_mib=mebibytes)


# ---- store, cache, queue, flags ----


class Store:
    """Documents behind users with roles. DATA_DIR keeps the users; the root user comes from env."""

    def __init__(self) -> None:
        self.folder = ENV.get("DATA_DIR", "")
        self.lock_until = 0.0
        self.users: dict[str, dict[str, Any]] = self.load()
        self.tls = ENV.get("TLS_MODE", "disabled") == "requireTLS"
        mine = ENV.get("APP_USERNAME")
        if mine and mine in self.users:
            self.users[mine]["password"] = ENV.get("APP_PASSWORD", "")

    def load(self) -> dict[str, dict[str, Any]]:
        """The users on disk; at first start the one that the environment names."""
        path = os.path.join(self.folder, "users.json")
        name = ENV.get("APP_USERNAME", "")
        first = {name: {"password": ENV.get("APP_PASSWORD", ""), "roles": ["readWrite"]}}
        if not self.folder:
            return first if name else {}
        try:
            with open(path, encoding="utf-8") as file:
                return dict(json.load(file))
        except FileNotFoundError:
            self.users = first if name else {}
            self.save()
            return self.users
        except (OSError, ValueError) as error:
            fail(f"cannot read {path}: {error}", path=path)

    def save(self) -> None:
        """Keep the users."""
        if not self.folder:
            return
        path = os.path.join(self.folder, "users.json")
        try:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self.users, file)
        except OSError as error:
            fail(f"cannot write {path}: {error.strerror}", path=path)

    def handle(self, request: Request) -> Reply:
        """find, lock, and the administrator's words."""
        if request.path == "/healthz":
            return 200, {"ok": 1}
        if request.path.startswith("/admin/"):
            return self.administer(request)
        if self.tls:
            return 403, {"error": "connection refused: TLS required, the server has requireTLS"}
        if refused := self.refusal(request):
            return refused
        if request.path == "/lock":
            self.lock_until = time.monotonic() + 3
            return 200, {"ok": 1}
        if time.monotonic() < self.lock_until:
            time.sleep(1)
            log("error", "canceling statement due to lock timeout: relation is locked")
            return 409, {"error": "canceling statement due to lock timeout"}
        field = request.query.get("field", "name")
        if field == "price_v2":
            log("error", 'column "price_v2" does not exist', statement="SELECT price_v2 FROM items")
            return 400, {"error": 'ERROR: column "price_v2" does not exist'}
        return 200, {"documents": [{field: "x"}]}

    def refusal(self, request: Request) -> Reply | None:
        """Why the user of this request may not read."""
        try:
            kind, _, word = request.headers.get("authorization", "").partition(" ")
            name, _, password = (
                base64.b64decode(word if kind == "Basic" else "").decode().partition(":")
            )
        except ValueError:
            name, password = "", ""
        if not self.users and not name:
            return None
        known = self.users.get(name)
        if known is None:
            log(
                "error",
                f'Authentication failed: UserNotFound: Could not find user "{name}"',
                user=name,
            )
            return 401, {"error": f'Authentication failed: could not find user "{name}"'}
        if known["password"] != password:
            log("error", "Authentication failed: password mismatch", user=name)
            return 401, {"error": "Authentication failed."}
        if not known["roles"]:
            log("error", f"not authorized on {request.query.get('db', '')} to execute command find")
            return 403, {"error": "not authorized on database to execute command find"}
        return None

    def administer(self, request: Request) -> Reply:
        """/admin/users/NAME?method=drop|restore|revoke|grant, /admin/tls?mode=requireTLS."""
        method, name = request.query.get("method", ""), request.path.rpartition("/")[2]
        if request.path == "/admin/tls":
            self.tls = request.query.get("mode") == "requireTLS"
            log("info", f"net.tls.mode is now {request.query.get('mode')}")
        elif method == "drop":
            self.users.pop(name, None)
        elif method in {"revoke", "grant", "restore"}:
            user = self.users.setdefault(name, {"password": ENV.get("APP_PASSWORD", "")})
            user["roles"] = [] if method == "revoke" else ["readWrite"]
        else:
            return 404, {"error": "no such command"}
        self.save()
        return 200, {"users": {key: user["roles"] for key, user in self.users.items()}}


class Cache:
    """Entries behind an optional word. REQUIREPASS sets it; MAX_MIB is when it takes no more."""

    def __init__(self) -> None:
        self.word = ENV.get("REQUIREPASS", "")
        self.blocks: list[tuple[float, bytearray]] = []
        self.limit = int(number("MAX_MIB", 16))

    def handle(self, request: Request) -> Reply:
        """get, set, and config."""
        if request.path == "/healthz":
            return 200, {"ok": 1}
        if request.path == "/admin/config":
            self.word = request.query.get("requirepass", "")
            return 200, {"ok": 1}
        if self.word and request.headers.get("x-auth", "") != self.word:
            return 401, {"error": "NOAUTH Authentication required."}
        now = time.monotonic()
        self.blocks = [entry for entry in self.blocks if entry[0] > now]
        if len(self.blocks) >= self.limit:
            why = "OOM command not allowed when used memory > 'maxmemory'."
            log("error", why, used_mib=len(self.blocks))
            return 503, {"error": why}
        if request.path == "/set":
            self.blocks.append((now + ENTRY_TTL_S, touched(1 << 20)))
        return 200, {"value": "x"}


class Queue:
    """A log of records per topic, with one offset per consumer."""

    def __init__(self) -> None:
        self.topics: dict[str, list[str]] = {}
        self.base: dict[str, int] = {}
        self.offsets: dict[str, int] = {}

    def handle(self, request: Request) -> Reply:
        """POST or GET /topics/NAME?offset=; POST or GET /offsets/GROUP."""
        if request.path == "/healthz":
            return 200, {"ok": 1}
        _, kind, name, *_ = (*request.path.split("/"), "", "")
        if kind == "admin":
            return self.administer(request)
        if kind == "offsets":
            if request.method == "POST":
                self.offsets[name] = int(request.json()["offset"])
            return 200, {"offset": self.offsets.get(name, 0)}
        if kind != "topics" or not name:
            return 404, {"error": "unknown topic"}
        records = self.topics.setdefault(name, [])
        base = self.base.setdefault(name, 0)
        if request.method == "POST":
            records += [str(record) for record in request.json()["records"]]
            if len(records) > 20000:
                del records[:10000]
                self.base[name] += 10000
            return 200, {"end": self.base[name] + len(records)}
        start = max(int(request.query.get("offset", "0")), base)
        page = records[start - base : start - base + 100]
        return 200, {"start": start, "records": page, "end": base + len(records)}

    def administer(self, request: Request) -> Reply:
        """/admin/append?topic=&record= adds a record; /admin/skip?topic=&group= goes to the end."""
        topic = request.query.get("topic", "orders")
        records = self.topics.setdefault(topic, [])
        if request.path == "/admin/append":
            records.append(request.query.get("record", ""))
        else:
            end = self.base.setdefault(topic, 0) + len(records)
            self.offsets[request.query.get("group", "consumer")] = end
        return 200, {"end": self.base.setdefault(topic, 0) + len(records)}


def consume(meter: Meter) -> NoReturn:
    """Read the orders and commit the offset; a record that is no JSON ends the program."""
    address = ENV["QUEUE_ADDRESS"]
    group = ENV.get("GROUP", COMMAND)
    while True:
        try:
            _, at = call(address, f"/offsets/{group}")
            _, page = call(address, f"/topics/orders?offset={at['offset']}")
            offset = page["start"]
            for record in page["records"]:
                decoded(record, offset)
                offset += 1
            call(address, f"/offsets/{group}", method="POST", body={"offset": offset})
            meter.gauges["kafka_consumer_records_lag"] = page["end"] - offset
            if page["records"]:
                log("info", f"processed {len(page['records'])} records of orders", offset=offset)
        except (Trouble, KeyError, TypeError) as error:
            log("error", f"consumer: broker {address}: {error}", address=address)
        time.sleep(number("POLL_S", 1))


def decoded(record: str, offset: int) -> None:
    """The record must be JSON with an order in it."""
    try:
        body = json.loads(record)
    except ValueError as error:
        fail(f"failed to decode record at orders[0] offset {offset}: {error}", offset=offset)
    if not isinstance(body, dict) or "order" not in body:
        fail(f"failed to decode record at orders[0] offset {offset}: no field 'order'")


class FlagService:
    """Reads the flag file (flagd's format) anew for each request."""

    def handle(self, request: Request) -> Reply:
        """GET /flags: name -> value of the default variant."""
        if request.path == "/healthz":
            return 200, {"ok": 1}
        path = ENV.get("FLAGS_FILE", "/etc/flagd/demo.flagd.json")
        try:
            with open(path, encoding="utf-8") as file:
                flags = json.load(file)["flags"]
            on = {
                name: flag["variants"][flag["defaultVariant"]]
                for name, flag in flags.items()
                if flag.get("state") == "ENABLED"
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            log("error", f"cannot read flags from {path}: {error}", path=path)
            return 500, {"error": "flags unavailable"}
        return 200, on


# ---- edge and load ----


def client_of(request: Request) -> str:
    """Who asks, as the first of a chain of edges saw it."""
    return str(request.headers.get("x-client", request.headers.get("user-agent", "")))


class Edge:
    """Passes requests to one backend, after the request filter's rules."""

    def __init__(self) -> None:
        self.backend = ENV.get("BACKEND_ADDR", "")
        self.rules: list[tuple[str, Any]] = []
        self.timeout_s = number("TIMEOUT_MS", 9000) / 1000
        self.file = ENV.get("RULES_FILE", "")
        self.version = 0.0
        self.reload()

    def reload(self) -> None:
        """Read the rules anew when their file has changed."""
        try:
            version = os.stat(self.file).st_mtime if self.file else 0.0
        except OSError as error:
            fail(f"open {self.file}: {(error.strerror or '').lower()}", path=self.file)
        if version != self.version:
            self.rules, self.version = read_rules(self.file), version
            log("info", f"loaded {len(self.rules)} request filter rules from {self.file}")

    def handle(self, request: Request) -> Reply:
        """403 for what a rule blocks, else the backend's answer."""
        if request.path == "/healthz":
            return 200, {"ok": 1}
        self.reload()
        agent = client_of(request)
        for name, rule in self.rules:
            if rule.search(agent):
                log("warn", f"request blocked by rule {name}", rule=name)
                return 403, {"error": "blocked"}
        return self.forward(self.backend, request)

    def forward(self, backend: str, request: Request) -> Reply:
        """The backend's answer, or 502. The backend, too, is told who asks."""
        headers = {"X-Client": client_of(request)}
        try:
            return call(backend, request.path, headers=headers, timeout_s=self.timeout_s)
        except Trouble as error:
            log("error", f"upstream {backend} failed: {error}", upstream=backend)
            return 502, {"error": "bad gateway"}


class IngressEdge(Edge):
    """Routes by the Ingresses of this namespace and of one class, read anew each second."""

    def __init__(self) -> None:
        super().__init__()
        self.routes: list[tuple[str, str]] = []
        self.secret_version = ""
        self.secure = Server(int(number("TLS_PORT", 8443)), self.handle)

    def handle(self, request: Request) -> Reply:
        """The answer of the backend that the longest path names."""
        if request.path == "/healthz":
            return (200, {"ok": 1}) if self.secure.context else (503, {"error": "no certificate"})
        for path, backend in self.routes:
            if request.path.startswith(path):
                return self.forward(backend, request)
        log("error", f"no route for {request.path}")
        return 404, {"error": "default backend - 404"}

    def run(self) -> NoReturn:
        """Follow the Ingresses and their Secret."""
        where = f"/apis/networking.k8s.io/v1/namespaces/{namespace()}/ingresses"
        while True:
            try:
                status, body = api(where)
                if status == 200:
                    self.follow([item["spec"] for item in body["items"]])
                else:
                    log("error", f"cannot list ingresses: {status}")
            except (Trouble, KeyError, TypeError) as error:
                log("error", f"cannot follow ingresses: {error!r}")
            time.sleep(1)

    def follow(self, specs: list[dict[str, Any]]) -> None:
        """Take over routes and certificate."""
        routes = []
        for spec in specs:
            if spec.get("ingressClassName") != ENV.get("INGRESS_CLASS"):
                continue
            for rule in spec.get("rules") or ():
                for path in rule["http"]["paths"]:
                    service = path["backend"]["service"]
                    routes.append((path["path"], f"{service['name']}:{service['port']['number']}"))
            for tls in spec.get("tls") or ():
                self.certify(tls["secretName"])
        routes.sort(key=lambda route: -len(route[0]))
        if routes != self.routes:
            log("info", f"routes are now {routes}")
            self.routes = routes

    def certify(self, name: str) -> None:
        """Serve with the certificate of a Secret."""
        status, body = api(f"/api/v1/namespaces/{namespace()}/secrets/{name}")
        if status != 200:
            log("error", f"cannot read Secret {name}: {status}", secret=name)
            return
        if body["metadata"]["resourceVersion"] == self.secret_version:
            return
        import ssl
        import tempfile

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(body["data"]["tls.crt"]) + b"\n")
            file.write(base64.b64decode(body["data"]["tls.key"]))
            file.flush()
            try:
                context.load_cert_chain(file.name)
            except (OSError, ValueError) as error:
                log("error", f"Secret {name} holds no certificate and key: {error}", secret=name)
                return
        self.secret_version = body["metadata"]["resourceVersion"]
        self.secure.context = context
        log("info", f"serving the certificate of Secret {name}", secret=name)


def read_rules(path: str) -> list[tuple[str, Any]]:
    """The request filter's rules: {"rules": [{"name", "pattern"}]}."""
    import re

    try:
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)["rules"]
        return [(row["name"], re.compile(row["pattern"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        fail(f"cannot load request filter rules from {path}: {error}", path=path)


class Load:
    """Calls the front door RPS times a second and remembers what came back."""

    def __init__(self) -> None:
        self.target = ENV.get("TARGET_ADDR", "")
        self.ca = ENV.get("TARGET_CA", "")
        self.client = ENV.get("CLIENT_NAME", "Mozilla/5.0 aaaaaaaaaaaaaaaaaaaaaaaaa!")
        self.timeout_s = number("TIMEOUT_MS", 9000) / 1000
        self.outcomes: list[dict[str, Any]] = []
        self.flags = Flags()
        self.lock = threading.Lock()

    def run(self) -> None:
        """For ever; each request in a thread of its own, so a slow one holds up no other."""
        rate = number("RPS", 1)
        while True:
            flood = 20 if "flood" in self.flags.effects() else 1
            if threading.active_count() < 100:
                threading.Thread(target=self.shoot, daemon=True).start()
            time.sleep(1 / (rate * flood))

    def shoot(self) -> dict[str, Any]:
        """One request: {at, status (0: no answer), ms, error}."""
        began = time.monotonic()
        error = ""
        try:
            headers = {"X-Client": self.client}
            status, body = call(self.target, headers=headers, timeout_s=self.timeout_s, tls=self.ca)
            if status >= 400:
                error = json.dumps(body)[:400]
        except Trouble as trouble:
            status, error = 0, str(trouble)
        took = round((time.monotonic() - began) * 1000, 1)
        outcome = {"at": round(time.time(), 3), "status": status, "ms": took, "error": error}
        with self.lock:
            self.outcomes = [*self.outcomes[-KEEP + 1 :], outcome]
        if error:
            log("error", f"request to {self.target} failed: {status} {error}", status=status)
        return outcome

    def handle(self, request: Request) -> Reply:
        """/outcomes?n= the last n; /through makes one request now, /probe?n= makes n."""
        if request.path == "/healthz":
            return 200, {"ok": 1}
        if request.path == "/through":
            outcome = self.shoot()
            return (502 if outcome["error"] else 200), outcome
        count = min(int(request.query.get("n", "30")), KEEP)
        if request.path == "/probe":
            return 200, [self.shoot() for _ in range(count)]
        return 200, self.outcomes[-count:]


# ---- helpers that run beside or instead of a service ----


def reindex() -> NoReturn:
    """Hold the store's lock for as long as this runs."""
    basic = base64.b64encode(
        f"{ENV.get('STORE_USERNAME', '')}:{ENV.get('STORE_PASSWORD', '')}".encode()
    ).decode()
    while True:
        try:
            status, _ = call(
                ENV["STORE_ADDRESS"], "/lock", headers={"Authorization": f"Basic {basic}"}
            )
            log("info", f"reindexing items, holding exclusive lock: {status}")
        except Trouble as error:
            log("error", f"store {ENV['STORE_ADDRESS']}: {error}")
        time.sleep(1)


def flood() -> NoReturn:
    """Write big entries into the cache until it is stopped."""
    written = 0
    while True:
        try:
            status, _ = call(ENV["CACHE_ADDRESS"], "/set?key=bulk", method="POST")
            written += status < 400
        except Trouble as error:
            log("error", f"cache {ENV['CACHE_ADDRESS']}: {error}")
        if written % 5 == 0:
            log("info", f"wrote {written} bulk entries to {ENV['CACHE_ADDRESS']}")
        time.sleep(number("INTERVAL_MS", 100) / 1000)


def shipper() -> NoReturn:
    """A sidecar that ships logs and never ends; LEAK_KIB a second when it leaks."""
    held = []
    log("info", "log shipper started")
    if port := int(number("PORT")):
        threading.Thread(target=Server(port, lambda _: (200, {})).serve, daemon=True).start()
    while True:
        held.append(touched(int(number("LEAK_KIB")) << 10))
        time.sleep(1)


def gate() -> NoReturn:
    """An init container: waits until WAIT_FOR answers, or until the API gives a ConfigMap."""
    if name := ENV.get("WAIT_CONFIGMAP"):
        read_from_api(name)
    while address := ENV.get("WAIT_FOR"):
        try:
            connect(address, 2).close()
            break
        except Trouble as error:
            log("warn", f"waiting for {address}: {error}")
            time.sleep(2)
    log("info", "dependencies are ready")
    os._exit(0)


def read_from_api(name: str) -> None:
    """Read a ConfigMap with this pod's ServiceAccount; the program ends when that is refused."""
    try:
        status, body = api(f"/api/v1/namespaces/{namespace()}/configmaps/{name}")
    except Trouble as error:
        fail(f"cannot reach the API server: {error}")
    if status != 200:
        why = body.get("message", status) if isinstance(body, dict) else status
        fail(f"cannot read ConfigMap {name}: {why}", configmap=name)


def namespace() -> str:
    """The namespace of this pod."""
    return of_account("namespace")


def of_account(name: str) -> str:
    """A file of this pod's ServiceAccount; the program ends when it is not there."""
    path = f"{ACCOUNT}/{name}"
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError as error:
        fail(f"open {path}: {(error.strerror or '').lower()}", path=path)


def api(
    path: str, *, method: str = "GET", body: object = None, kind: str = "application/json"
) -> Reply:
    """One request to the API server, with this pod's ServiceAccount. Trouble when it is away."""
    headers = {
        "Authorization": f"Bearer {of_account('token')}",
        "Accept": "application/json",
        "Content-Type": kind,
    }
    host = f"{ENV.get('KUBERNETES_SERVICE_HOST')}:{ENV.get('KUBERNETES_SERVICE_PORT', '443')}"
    ca = f"{ACCOUNT}/ca.crt"
    return call(host, path, method=method, body=body, headers=headers, timeout_s=5, tls=ca)


def operate() -> NoReturn:
    """An operator: each KeyValueStore becomes a StatefulSet, made anew when it is refused."""
    space = namespace()
    log("info", f"watching keyvaluestores in {space}")
    while True:
        try:
            status, body = api(f"/apis/{STORES}/namespaces/{space}/keyvaluestores")
            if status != 200:
                log("error", f"cannot list keyvaluestores: {reason(body, status)}")
            for item in body.get("items", ()) if status == 200 else ():
                reconcile(item, space)
        except (Trouble, KeyError, AttributeError) as error:
            log("error", f"reconcile failed: {error!r}")
        time.sleep(1)


def reconcile(item: dict[str, Any], space: str) -> None:
    """Apply the StatefulSet of one KeyValueStore."""
    name = item["metadata"]["name"]
    path = f"/apis/apps/v1/namespaces/{space}/statefulsets/{name}"
    query = "?fieldManager=kv-operator&force=true"
    kind = "application/apply-patch+yaml"
    status, answer = api(path + query, method="PATCH", body=stateful_set(item), kind=kind)
    if status < 400:
        return
    log("error", f"cannot apply StatefulSet {name}: {reason(answer, status)}", store=name)
    if status == 422:
        api(path, method="DELETE")


def stateful_set(item: dict[str, Any]) -> dict[str, Any]:
    """The StatefulSet that a KeyValueStore asks for."""
    meta, spec = item["metadata"], item["spec"]
    labels = {"app": meta["name"]}
    volume: dict[str, Any] = {"name": "data", "emptyDir": {}}
    if spec.get("storageClassName"):
        claim = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": spec["storageClassName"],
            "resources": {"requests": {"storage": "64Mi"}},
        }
        volume = {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}}
    container = {
        "name": "store",
        "image": spec["image"],
        "command": ["python3", "/opt/app/app.py"],
        "args": ["cache"],
        "ports": [{"name": "kv", "containerPort": 11211}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 11211}, "periodSeconds": 2},
        "resources": {
            "requests": {"cpu": "5m", "memory": "16Mi"},
            "limits": {"memory": "64Mi"},
        },
        "volumeMounts": [
            {"name": "program", "mountPath": "/opt/app"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    apart = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}
    pod = {
        "terminationGracePeriodSeconds": 1,
        "securityContext": spec.get("securityContext", {}),
        "tolerations": spec.get("tolerations", []),
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}
        },
        "containers": [container],
        "volumes": [{"name": "program", "configMap": {"name": "program"}}, volume],
    }
    owner = {
        "apiVersion": STORES,
        "kind": "KeyValueStore",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": meta["name"], "labels": labels, "ownerReferences": [owner]},
        "spec": {
            "replicas": spec.get("replicas", 1),
            "serviceName": meta["name"],
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": spec.get("updateStrategy", "RollingUpdate")},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def reason(body: object, status: int) -> str:
    """What the API server said."""
    return str(body.get("message", status)) if isinstance(body, dict) else str(status)


def janitor() -> NoReturn:
    """A controller: ConfigMaps that are to go lose its finalizer when it has cleaned up."""
    where = f"/api/v1/namespaces/{namespace()}/configmaps"
    log("info", "cleaning up after deleted reports")
    while True:
        try:
            _, body = api(where)
            for item in body["items"]:
                meta = item["metadata"]
                if meta.get("deletionTimestamp") and FINALIZER in meta.get("finalizers", ()):
                    kind = "application/merge-patch+json"
                    patch = {"metadata": {"finalizers": None}}
                    path = f"{where}/{meta['name']}"
                    status, answer = api(path, method="PATCH", body=patch, kind=kind)
                    if status >= 400:
                        log("error", f"cannot finalize {meta['name']}: {reason(answer, status)}")
        except (Trouble, KeyError, TypeError) as error:
            log("error", f"cannot list reports: {error!r}")
        time.sleep(1)


def remover() -> NoReturn:
    """Deletes one ConfigMap, and ends."""
    name = ENV.get("CONFIGMAP", "")
    path = f"/api/v1/namespaces/{namespace()}/configmaps/{name}"
    try:
        status, body = api(path, method="DELETE")
    except Trouble as error:
        fail(f"cannot reach the API server: {error}")
    if status >= 400:
        fail(f"cannot delete ConfigMap {name}: {reason(body, status)}")
    log("info", f"deleted ConfigMap {name}")
    os._exit(0)


def admit(request: Request) -> Reply:
    """An admission webhook: /validate allows, /mutate lowers memory, /slow takes its time."""
    if request.path == "/healthz":
        return 200, {"ok": 1}
    review = request.json()["request"]
    response: dict[str, Any] = {"uid": review["uid"], "allowed": True}
    if request.path == "/slow":
        time.sleep(60)
    if request.path == "/mutate":
        resources = {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "10Mi"}}
        count = len(review["object"]["spec"]["containers"])
        patch = [
            {"op": "add", "path": f"/spec/containers/{at}/resources", "value": resources}
            for at in range(count)
        ]
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
    answer = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return 200, {**answer, "response": response}


def run_webhook() -> NoReturn:
    """Admission over TLS, with the certificate and key in TLS_FOLDER."""
    import ssl

    folder = ENV.get("TLS_FOLDER", "/etc/webhook")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/tls.crt", f"{folder}/tls.key")
    Server(int(number("PORT", 8443)), admit, context=context).serve()


def serve(handle: Handler, default_port: int = 8080) -> Server:
    """A server on PORT, or on the port of this command."""
    port = int(number("PORT", PORTS.get(COMMAND, default_port)))
    return Server(port, handle, int(number("CONCURRENCY")))


def run_consumer() -> NoReturn:
    """A consumer that also answers probes."""
    server = serve(lambda _: (200, {"status": "SERVING"}))
    threading.Thread(target=server.serve, daemon=True).start()
    consume(server.meter)


def run_edge() -> NoReturn:
    """An edge of one backend, or of the Ingresses of a class."""
    if not ENV.get("INGRESS_CLASS"):
        if not ENV.get("BACKEND_ADDR"):
            fail(
                "environment variable BACKEND_ADDR is required but not set", variable="BACKEND_ADDR"
            )
        serve(Edge().handle).serve()
    edge = IngressEdge()
    for work in (edge.run, edge.secure.serve):
        threading.Thread(target=work, daemon=True).start()
    serve(edge.handle).serve()


def run_load() -> NoReturn:
    """A load generator that also tells what it saw."""
    load = Load()
    server = serve(load.handle)
    threading.Thread(target=load.run, daemon=True).start()
    server.serve()


def run_service() -> NoReturn:
    """Any other name: a service."""
    held = prepare()
    server = serve(Service().handle)
    server.meter.gauges["app_pool_size"] = len(held) - 1
    server.serve()


COMMANDS: dict[str, Callable[[], NoReturn]] = {
    "store": lambda: serve(Store().handle).serve(),
    "cache": lambda: serve(Cache().handle).serve(),
    "queue": lambda: serve(Queue().handle).serve(),
    "flags": lambda: serve(FlagService().handle).serve(),
    "edge": run_edge,
    "exporter": lambda: serve(lambda _: (200, {})).serve(),
    "consumer": run_consumer,
    "load": run_load,
    "reindex": reindex,
    "flood": flood,
    "shipper": shipper,
    "operator": operate,
    "janitor": janitor,
    "remover": remover,
    "webhook": run_webhook,
    "gate": gate,
}


def main() -> None:
    """Start as the command and the environment say."""
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_of_signal, lambda *_: os._exit(0))
    if not COMMAND:
        fail("usage: app.py COMMAND")
    for name in REQUIRED.get(COMMAND, ()):
        if not ENV.get(name):
            fail(f"environment variable {name} is required but not set", variable=name)
    try:
        COMMANDS.get(COMMAND, run_service)()
    except OSError as error:
        fail(f"{COMMAND}: {error.strerror or error}")


if __name__ == "__main__":
    main()
