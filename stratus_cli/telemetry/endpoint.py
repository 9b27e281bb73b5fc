"""Where a telemetry source is: at a URL, or behind the API server's service proxy."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import msgspec

from stratus_cli.model.errors import ClusterAnswer, StratusError, UsageError
from stratus_cli.model.objects_network import Service
from stratus_cli.model.snapshot import Snapshot

TIMEOUT_S = 5.0
LARGEST_B = 32 * 1024 * 1024
TRIED = 3  # candidates behind the proxy

_OTHERS = ("exporter", "operator", "adapter", "gateway", "kube-state", "blackbox", "webhook")
_PORT_NAMES = ("web", "http-web", "http")


class Fetch(Protocol):
    """What is needed of a cluster."""

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        """GET below the API server."""


class Endpoint(Protocol):
    """Something that answers GET requests of one HTTP API."""

    @property
    def where(self) -> str:
        """Its address, for messages; without credentials."""

    def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """The body. Raises StratusError."""


class SourceFailed(ClusterAnswer):
    """A telemetry source did not give a usable answer."""


def failed(what: str, where: str) -> SourceFailed:
    """Becomes a gap."""
    return SourceFailed(0, "Telemetry", what, where)


@dataclass(frozen=True)
class ProxyEndpoint:
    """A Service, reached through the API server with the person's own permissions."""

    fetch: Fetch
    where: str

    def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """The body."""
        return self.fetch.fetch(self.where + path, query)


class UrlEndpoint:
    """A URL that a person gave. UsageError when it is none. user:password@ is sent as Basic."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            is_url, port = False, ""
        if not is_url:
            raise UsageError("not a URL", url, "Give one like http://prometheus.example.com:9090.")
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
        self.where = urlunsplit((parts.scheme, host + port, parts.path.rstrip("/"), "", ""))
        self._headers = {"Accept": "application/json", "User-Agent": "stratus"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self._is_local = host in ("localhost", "127.0.0.1", "[::1]")

    def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """The body."""
        import urllib.error  # not needed by most runs, and slow to import
        import urllib.request

        class NoRedirects(urllib.request.HTTPRedirectHandler):
            """A redirect could lead credentials elsewhere."""

            def redirect_request(self, *_: Any) -> None:  # noqa: ANN401  # the base's signature
                """Never."""

        proxies = [urllib.request.ProxyHandler({})] if self._is_local else []
        opener = urllib.request.build_opener(NoRedirects(), *proxies)
        url = f"{self.where}{path}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(url, headers=self._headers)  # noqa: S310  # http or https
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                data: bytes = answer.read(LARGEST_B + 1)
        except urllib.error.HTTPError as error:
            raise failed(f"it answered {error.code}", self.where) from error
        except urllib.error.URLError as error:
            raise failed(f"it cannot be reached ({error.reason})", self.where) from error
        except OSError as error:
            raise failed(
                f"it cannot be read ({error or type(error).__name__})", self.where
            ) from error
        except ValueError as error:  # http.client: not HTTP at all
            raise failed("its answer is not HTTP", self.where) from error
        if len(data) > LARGEST_B:
            raise failed("its answer is too large", self.where)
        return data


def endpoints(fetch: Fetch, url: str, snap: Snapshot, word: str, port: int) -> Iterator[Endpoint]:
    """Where the source may be, the likeliest first. One when a URL was given.

    Else Services that are named or labelled `word` in any namespace that may be read.
    """
    if url:
        yield UrlEndpoint(url)
        return
    services = _services(fetch, snap)
    for service in _ranked(services, word)[:TRIED]:
        number = _port(service, word, port)
        if number:
            meta = service.metadata
            base = f"/api/v1/namespaces/{meta.namespace}/services/{meta.name}:{number}/proxy"
            yield ProxyEndpoint(fetch, base)


class _Services(msgspec.Struct):
    items: list[Service] = []


def _services(fetch: Fetch, snap: Snapshot) -> tuple[Service, ...]:
    """Those of the snapshot when it has all namespaces, else asked for."""
    if snap.was_read("Service") and not snap.scope.asked:
        return snap.of(Service)
    try:
        data = fetch.fetch("/api/v1/services", {"limit": "2000"})
        return tuple(msgspec.json.decode(data, type=_Services).items)
    except (StratusError, msgspec.DecodeError, RecursionError):
        return snap.of(Service)


def _ranked(services: tuple[Service, ...], word: str) -> list[Service]:
    ranked = [(_rank(service, word), service) for service in services]
    likely = [(rank, service) for rank, service in ranked if rank is not None]
    likely.sort(key=lambda pair: (pair[0], pair[1].metadata.namespace, pair[1].metadata.name))
    return [service for _, service in likely]


def _rank(service: Service, word: str) -> int | None:
    """0: labelled so. 1: named so. 2: its name holds the word. None: something else."""
    name, labels = service.metadata.name, service.metadata.labels
    if any(other in name for other in _OTHERS):
        return None
    if word != "alertmanager" and "alertmanager" in name:
        return None
    said = {labels.get(key) for key in ("app.kubernetes.io/name", "app", "k8s-app")}
    if word in said:
        return 0
    if name == word:
        return 1
    return 2 if word in name else None


def _port(service: Service, word: str, usual: int) -> int:
    """The port of its HTTP API; 0 when none looks like it."""
    ports = service.spec.ports
    for port in ports:
        if port.port == usual:
            return port.port
    for port in ports:
        if port.name in (word, *_PORT_NAMES):
            return port.port
    return ports[0].port if len(ports) == 1 else 0
