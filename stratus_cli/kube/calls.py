"""Who calls whom: by addresses in env, args and ConfigMaps, by Ingresses and by traces.

Pure. A call to a name that has no Service is kept, as absent. An address says that a program may
call, a trace that it did.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from stratus_cli.kube.called import (
    Called,
    addresses,
    called_by,
    containers_of,
    is_cluster_name,
    service_named,
)
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.ingress_controllers import controllers, controllers_of
from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_batch import Job
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_network import Ingress, Service
from stratus_cli.model.objects_pod import PodSpec
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

LARGEST_CONFIG = 65536  # characters of one value that are looked at
TEXTS = 256
"""Of the largest size they are 16 MiB."""
TEMPLATE = "spec.template.spec"


@dataclass(frozen=True, slots=True)
class Call:
    """One edge. caller: a workload, active Job or Ingress. callee: a Service.

    source, field: where the address stands ("" for a trace). port: 0 where none is said.
    absent: there is no such Service. requests, errors: counted by traces; None elsewhere.
    """

    caller: Ref
    callee: Ref
    source: Ref
    field: str
    port: int = 0
    absent: bool = False
    requests: float | None = None
    errors: float | None = None


class Calls:
    """All edges of a snapshot, by either end."""

    def __init__(self, graph: Graph, edges: Iterable[Call]) -> None:
        self._graph = graph
        self.edges = tuple(edges)

    @cached_property
    def _from(self) -> Mapping[Ref, tuple[Call, ...]]:
        return _by(self.edges, "caller")

    @cached_property
    def _to(self) -> Mapping[Ref, tuple[Call, ...]]:
        return _by(self.edges, "callee")

    def of(self, caller: Ref) -> tuple[Call, ...]:
        """What it calls."""
        return self._from.get(caller, ())

    def to(self, service: Ref) -> tuple[Call, ...]:
        """Who calls a Service, also one that is not there."""
        return self._to.get(service, ())

    @cached_property
    def absent(self) -> tuple[Call, ...]:
        """Calls to names that have no Service."""
        return tuple(call for call in self.edges if call.absent)

    def callees(self, caller: Ref) -> tuple[Ref, ...]:
        """The Services that it calls and the workloads behind them, each once."""
        found: dict[Ref, None] = {}
        for call in self.of(caller):
            found[call.callee] = None
            service = self._graph.snap.find(call.callee)
            if isinstance(service, Service):
                behind = self._graph.selected_workloads(service)
                found.update((ref_of(item), None) for item in behind if ref_of(item) != caller)
        return tuple(found)

    def callers(self, ref: Ref) -> tuple[Ref, ...]:
        """Who calls a Service, or a workload through its Services, each once."""
        item = self._graph.snap.find(ref)
        services = (
            [ref_of(service) for service in self._graph.services_of(item)]
            if isinstance(item, Workload)
            else [ref]
        )
        found = (call.caller for service in services for call in self.to(service))
        return tuple(dict.fromkeys(caller for caller in found if caller != ref))

    def downstream(self, ref: Ref) -> Mapping[Ref, int]:
        """Everything that it rests on, with the number of calls between, nearest first.

        Of a Service: the workloads behind it are at 0.
        """
        item = self._graph.snap.find(ref)
        behind = self._graph.selected_workloads(item) if isinstance(item, Service) else ()
        serves = self._serves
        return _walk(
            ref,
            [ref_of(workload) for workload in behind],
            lambda one: (*self.callees(one), *serves.get(one, ())),
        )

    def upstream(self, ref: Ref) -> Mapping[Ref, int]:
        """Everything that rests on it, nearest first."""
        served_by = self._served_by
        return _walk(ref, [], lambda one: (*self.callers(one), *served_by.get(one, ())))

    @cached_property
    def _serves(self) -> Mapping[Ref, tuple[Ref, ...]]:
        """The Ingresses that a workload answers by.

        No calls of its own: many a controller sends requests to the pods, past their Service.
        """
        found: dict[Ref, list[Ref]] = defaultdict(list)
        for ingress, workloads in self._served_by.items():
            for workload in workloads:
                found[workload].append(ingress)
        return {workload: tuple(ingresses) for workload, ingresses in found.items()}

    @cached_property
    def _served_by(self) -> Mapping[Ref, tuple[Ref, ...]]:
        ingresses = self._graph.snap.of(Ingress)
        known = controllers(self._graph) if ingresses else ()
        return {ref_of(it): tuple(map(ref_of, controllers_of(known, it))) for it in ingresses}


def calls_of(graph: Graph) -> Calls:
    """Every edge that the snapshot shows."""
    return Calls(graph, dict.fromkeys(_edges(graph)))


def _walk(
    start: Ref, beside: list[Ref], step: Callable[[Ref], tuple[Ref, ...]]
) -> Mapping[Ref, int]:
    """Breadth first. beside: what is at 0 calls."""
    seen = dict.fromkeys(beside, 0)
    layer, depth = [start, *beside], 0
    while layer:
        depth += 1
        reached: list[Ref] = []
        for ref in layer:
            for other in step(ref):
                if other != start and other not in seen:
                    seen[other] = depth
                    reached.append(other)
        layer = reached
    return seen


def _edges(graph: Graph) -> Iterator[Call]:
    for owner, spec, prefix in _callers(graph):
        here = owner.metadata.namespace
        for path, container in containers_of(spec):
            for called in called_by(container, path):
                yield from _edge(graph, owner, owner, f"{prefix}.{called.field}", called)
        for name in dict.fromkeys(name for name, _, _ in config_maps_used(spec)):
            config = graph.snap.get(ConfigMap, here, name)
            if config is not None:
                yield from _of_config(graph, owner, config)
    for ingress in graph.snap.of(Ingress):
        yield from _of_ingress(graph, ingress)
    for traced in graph.snap.signals.calls:
        yield Call(
            traced.caller,
            traced.callee,
            traced.caller,
            "",
            absent=graph.snap.find(traced.callee) is None,
            requests=traced.requests,
            errors=traced.errors,
        )


def _callers(graph: Graph) -> Iterator[tuple[KubeObject, PodSpec, str]]:
    for workload in graph.workloads:
        yield workload, workload.spec.template.spec, TEMPLATE
    for job in graph.snap.of(Job):
        if job.status.active:
            yield job, job.spec.template.spec, TEMPLATE


def _of_config(graph: Graph, owner: KubeObject, config: ConfigMap) -> Iterator[Call]:
    for key in sorted(config.data):
        for called in _addresses_in(config.data[key][:LARGEST_CONFIG], f"data[{json.dumps(key)}]"):
            # In free text `name:number` may be anything: only a Service that is there counts,
            # or a name that is written as an address.
            yield from _edge(graph, owner, config, called.field, called, sure=_is_url(called))


@lru_cache(maxsize=TEXTS)
def _addresses_in(text: str, field: str) -> tuple[Called, ...]:
    """Of each line. Kept: many workloads mount one ConfigMap, and every look reads it again."""
    return tuple(called for line in text.splitlines() for called in addresses(line, field))


def _edge(
    graph: Graph,
    owner: KubeObject,
    source: KubeObject,
    field: str,
    called: Called,
    *,
    sure: bool = True,
) -> Iterator[Call]:
    here = owner.metadata.namespace
    service = service_named(graph, here, called.host)
    if service is not None:
        if isinstance(owner, Workload) and _is_behind(owner, service):
            return  # its own address
        yield Call(ref_of(owner), ref_of(service), ref_of(source), field, called.port)
    elif sure and graph.snap.was_read("Service") and is_cluster_name(graph, called.host):
        name, _, rest = called.host.partition(".")
        missing = Ref("Service", rest.partition(".")[0] or here, name, "v1")
        yield Call(ref_of(owner), missing, ref_of(source), field, called.port, absent=True)


def _is_behind(owner: Workload, service: Service) -> bool:
    """The Service selects this workload's pods."""
    selector = service.spec.selector
    same = owner.metadata.namespace == service.metadata.namespace
    return same and bool(selector) and matches_map(selector, owner.spec.template.metadata.labels)


def _of_ingress(graph: Graph, ingress: Ingress) -> Iterator[Call]:
    backends = [("spec.defaultBackend", ingress.spec.default_backend)]
    for index, rule in enumerate(ingress.spec.rules):
        for at, path in enumerate(rule.http.paths if rule.http else ()):
            backends.append((f"spec.rules[{index}].http.paths[{at}].backend", path.backend))
    for field, backend in backends:
        if backend is None or backend.service is None:
            continue
        here = ingress.metadata.namespace
        service = graph.snap.get(Service, here, backend.service.name)
        callee = ref_of(service) if service else Ref("Service", here, backend.service.name, "v1")
        absent = service is None and graph.snap.was_read("Service")
        ref = ref_of(ingress)
        yield Call(ref, callee, ref, f"{field}.service.name", backend.service.port.number, absent)


def _is_url(called: Called) -> bool:
    before = called.text[: called.where[0]]
    return before.endswith(("://", "@"))


def _by(edges: Iterable[Call], end: str) -> Mapping[Ref, tuple[Call, ...]]:
    found: dict[Ref, list[Call]] = defaultdict(list)
    for edge in edges:
        found[getattr(edge, end)].append(edge)
    return {ref: tuple(items) for ref, items in found.items()}
