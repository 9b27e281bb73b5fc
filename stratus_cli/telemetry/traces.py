"""Who calls whom by traces: Jaeger's dependencies, found behind the API server's service proxy.

https://www.jaegertracing.io/docs/latest/apis/ (the HTTP JSON API that its own pages use)
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from stratus_cli.kube.called import service_named
from stratus_cli.kube.graph import Graph
from stratus_cli.model.errors import NotFound, StratusError
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import Snapshot, TracedCall, ref_of
from stratus_cli.telemetry.endpoint import (
    Endpoint,
    Fetch,
    SourceFailed,
    UrlEndpoint,
    endpoints,
    failed,
)

PORT = 16686
LOOK_BACK_MS = 900_000  # our choice: longer than a fault is looked for, short enough to be now
BASES = ("", "/jaeger/ui", "/jaeger")  # of its own `--query.base-path`, as charts set it


class _Link(msgspec.Struct, rename="camel"):
    parent: str = ""
    child: str = ""
    call_count: float = 0.0


class _Links(msgspec.Struct):
    data: list[_Link] | None = None


class TraceSource:
    """Implements model.ports.Source. url: "" looks for it behind the API server.

    A cluster without Jaeger is not a gap: calls are also known from addresses.
    """

    name = "jaeger"

    def __init__(self, fetch: Fetch, url: str = "") -> None:
        if url:
            UrlEndpoint(url)  # a wrong one is said before anything is read
        self._fetch = fetch
        self._url = url

    def read(self, snap: Snapshot) -> Snapshot:
        """With the calls between workloads and Services of the snapshot."""
        for endpoint in endpoints(self._fetch, self._url, snap, self.name, PORT):
            for base in BASES:
                try:
                    links = _links(endpoint, base, snap)
                except (NotFound, SourceFailed):
                    continue  # something answers, but not there
                except StratusError:
                    break
                signals = replace(
                    snap.signals,
                    calls=(*snap.signals.calls, *_calls(snap, links)),
                    sources=(*snap.signals.sources, self.name),
                )
                return replace(snap, signals=signals)
        return snap


def _links(endpoint: Endpoint, base: str, snap: Snapshot) -> list[_Link]:
    until = str(int(snap.taken_at.timestamp() * 1000))
    data = endpoint.get(f"{base}/api/dependencies", {"endTs": until, "lookback": str(LOOK_BACK_MS)})
    try:
        return msgspec.json.decode(data, type=_Links).data or []
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise failed("its answer is not Jaeger's JSON", endpoint.where) from error


def _calls(snap: Snapshot, links: list[_Link]) -> tuple[TracedCall, ...]:
    """Links whose ends are one workload and one Service each; a name that fits two is nobody's."""
    graph = Graph(snap)
    found = []
    for link in links:
        callers = _workloads(graph, link.parent)
        spaces = {item.metadata.namespace for item in callers}
        callees = [
            service
            for service in _services(graph, link.child)
            if not spaces or service.metadata.namespace in spaces or len(spaces) > 1
        ]
        if len(callers) == 1 and len(callees) == 1 and link.parent != link.child:
            caller, callee = ref_of(callers[0]), ref_of(callees[0])
            found.append(TracedCall(caller, callee, link.call_count))
    return tuple(sorted(found, key=lambda call: (call.caller, call.callee)))


def _workloads(graph: Graph, name: str) -> list[Workload]:
    """By the workload's own name, NAME.NAMESPACE (meshes), or the Service in front of it."""
    plain, _, space = name.partition(".")
    found = [
        item
        for item in graph.workloads
        if item.metadata.name == plain and space in ("", item.metadata.namespace)
    ]
    if found:
        return found
    services = [item for item in graph.snap.of(Service) if item.metadata.name == plain]
    return [workload for item in services for workload in graph.selected_workloads(item)]


def _services(graph: Graph, name: str) -> list[Service]:
    plain, _, space = name.partition(".")
    named = service_named(graph, space, plain) if space else None
    found = [named] if named else [s for s in graph.snap.of(Service) if s.metadata.name == plain]
    if found:
        return found
    behind = _workloads(graph, name)
    return [service for item in behind for service in graph.services_of(item)]
