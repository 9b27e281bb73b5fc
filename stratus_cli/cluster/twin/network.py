"""Requests inside the twin: to a port of a pod, and to a Service by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from stratus_cli.cluster.twin.containers import Container
from stratus_cli.cluster.twin.store import Item, Store

REFUSED = 0  # nobody listens there
LONGEST_CHAIN = 8  # programs may call each other in a circle


class Host(Protocol):
    """A pod that runs somewhere."""

    namespace: str
    containers: list[Container]


class Network:
    """Finds who answers. `host_of`: the running pod by uid."""

    def __init__(
        self, store: Store, now: Callable[[], float], host_of: Callable[[str], Host | None]
    ) -> None:
        self._store = store
        self._now = now
        self._host_of = host_of

    def ask_pod(self, host: Host, port: int, path: str, depth: int = 0) -> int:
        """HTTP code that a port of a pod answers with; REFUSED when nobody listens."""
        container = self.listener(host, port)
        if container is None or container.run is None:
            return REFUSED
        program = container.run.program
        upstreams = program.upstreams
        if upstreams is not None and path.partition("?")[0] == upstreams.path:
            urls = container.run.env.get(upstreams.env, "").split(",")
            wanted = [url.strip() for url in urls if url.strip()]
            if any(not self._is_well(url, host.namespace, depth + 1) for url in wanted):
                return upstreams.code
        return container.run.answer(path)

    def listener(self, host: Host, port: int) -> Container | None:
        """The running container of the pod that serves the port by now, or None."""
        for container in host.containers:
            run = container.run
            if container.state != "running" or run is None or not run.listens(port):
                continue
            if self._now() - container.started_s >= run.listening_after_s:
                return container
        return None

    def ask(self, url: str, namespace: str, depth: int = 0) -> int:
        """HTTP code for a URL whose host is a Service; REFUSED when nothing answers."""
        if depth > LONGEST_CHAIN:
            return REFUSED
        try:
            parts = urlsplit(url)
            name, _, rest = (parts.hostname or "").partition(".")
            port = parts.port or 80
        except ValueError:
            return REFUSED
        space = rest.partition(".")[0] or namespace
        service = self._store.get("Service", space, name)
        if service is None:
            return REFUSED
        return self._through(service, port, parts.path or "/", depth)

    def _through(self, service: Item, port: int, path: str, depth: int) -> int:
        """The worst answer of its ready endpoints: each of them gets requests."""
        names = {item.get("name", ""): item["port"] for item in service["spec"].get("ports") or ()}
        answers = []
        for item in self._store.owned_by(service["metadata"]["uid"], "EndpointSlice"):
            numbers = [
                target["port"]
                for target in item.get("ports") or ()
                if names.get(target.get("name", "")) == port
            ]
            for endpoint in item.get("endpoints") or ():
                host = self._host_of(endpoint["targetRef"]["uid"])
                if endpoint["conditions"]["ready"] and host is not None and numbers:
                    answers.append(self.ask_pod(host, numbers[0], path, depth))
        if not answers or REFUSED in answers:
            return REFUSED
        return max(answers)

    def _is_well(self, url: str, namespace: str, depth: int) -> bool:
        return 200 <= self.ask(url, namespace, depth) < 400
