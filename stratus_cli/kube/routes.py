"""What Ingresses route where, and which of it leads nowhere. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.known_good import KnownGoodValues
from stratus_cli.model.objects_network import Ingress, IngressServiceBackend, Service
from stratus_cli.model.objects_policy import IngressClass
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

FEW_SERVICES = 3  # in fewer, that nobody calls one says little
CLOSE = 0.75  # difflib's ratio, for a name of which at most a letter or two are wrong


@dataclass(frozen=True, slots=True)
class Route:
    """One path of an Ingress. field: path of its backend. host and path: "" for the default."""

    ingress: Ingress
    field: str
    host: str
    path: str
    backend: IngressServiceBackend

    def __str__(self) -> str:
        return f"{self.host}{self.path}" or "everything else"


@dataclass(frozen=True, slots=True)
class Misroute:
    """A route that leads nowhere or elsewhere. field: what of it is wrong; expected: "" if unclear.

    why: "no-service", "no-port" or "another" (a Service that is not meant).
    """

    route: Route
    why: str
    field: str
    observed: str
    expected: str
    source: str


def routes_of(ingress: Ingress) -> Iterator[Route]:
    """Every path with a Service behind it, in order."""
    default = ingress.spec.default_backend
    if default is not None and default.service is not None:
        yield Route(ingress, "spec.defaultBackend", "", "", default.service)
    for index, rule in enumerate(ingress.spec.rules):
        for at, path in enumerate(rule.http.paths if rule.http else ()):
            if path.backend.service is not None:
                field = f"spec.rules[{index}].http.paths[{at}].backend"
                yield Route(ingress, field, rule.host, path.path, path.backend.service)


def misroutes_of(graph: Graph, ingress: Ingress) -> Iterator[Misroute]:
    """The routes that are wrong."""
    for route in routes_of(ingress):
        service = graph.snap.get(Service, ingress.metadata.namespace, route.backend.name)
        if service is None:
            expected, source = _meant(graph, route)
            name = route.backend.name
            yield Misroute(
                route, "no-service", f"{route.field}.service.name", name, expected, source
            )
        elif not _has_port(service, route.backend):
            yield _no_port(route, service)
        elif (found := _edited_to_another(graph, route)) is not None:
            yield found


def missing_class(graph: Graph, ingress: Ingress) -> str:
    """The class that it names and that is not there, where others are; ""."""
    name = ingress.spec.ingress_class_name
    classes = {item.metadata.name for item in graph.snap.of(IngressClass)}
    return name if name and classes and name not in classes else ""


def was_edited(ingress: Ingress) -> bool:
    """Its rules were set later than it was made."""
    change = last_change(ingress, "spec.rules")
    return change is not None and not change.at_creation


def _no_port(route: Route, service: Service) -> Misroute:
    port = route.backend.port
    part = "name" if port.name else "number"
    observed = port.name or str(port.number)
    numbers = [item.name if part == "name" else str(item.port) for item in service.spec.ports]
    named = [name for name in numbers if name]
    expected = named[0] if len(named) == 1 else ""
    source = f"the only port of Service {service.metadata.name}" if expected else ""
    return Misroute(
        route, "no-port", f"{route.field}.service.port.{part}", observed, expected, source
    )


def _meant(graph: Graph, route: Route) -> tuple[str, str]:
    """(Service, who says so) that a backend's name nearly is, or its path is named for."""
    names = [item.metadata.name for item in graph.services_in(route.ingress.metadata.namespace)]
    near = difflib.get_close_matches(route.backend.name, names, 2, CLOSE)
    if len(near) == 1:
        return near[0], "the only Service of nearly that name"
    return _named(graph, route)


def _named(graph: Graph, route: Route) -> tuple[str, str]:
    """(Service, who says so) that the path, or the Ingress, is named for."""
    names = {item.metadata.name for item in graph.services_in(route.ingress.metadata.namespace)}
    first = re.split(r"[/.*]+", route.path.strip("/"))[0]
    found = [name for name in (first, f"{first}-service", f"{first}service") if name in names]
    if first and found:
        return found[0], f"the Service that path {route.path} is named for"
    own = route.ingress.metadata.name
    if own in names and route.path in ("", "/"):
        return own, "the Service that the Ingress is named for"
    return "", ""


def _edited_to_another(graph: Graph, route: Route) -> Misroute | None:
    """An edit sent this path to another Service than it went to, or than it is meant for."""
    if not was_edited(route.ingress):
        return None
    found = _applied(graph, route) or _named_for_another(graph, route) or _entry(graph, route)
    if found is None or _akin(found[0], route.backend.name):
        return None
    field = f"{route.field}.service.name"
    return Misroute(route, "another", field, route.backend.name, *found)


def _applied(graph: Graph, route: Route) -> tuple[str, str] | None:
    """What was last applied here, if that Service is there."""
    space = route.ingress.metadata.namespace
    goods = KnownGoodValues(graph).object_field(route.ingress, f"{route.field}.service.name")
    for good in goods:
        if isinstance(good.value, str) and graph.snap.get(Service, space, good.value) is not None:
            return good.value, f"the Service of the {good.source}"
    return None


def _entry(graph: Graph, route: Route) -> tuple[str, str] | None:
    """The one Service that no other Service's pods call, where all goes to one that they do."""
    if len({other.backend.name for other in routes_of(route.ingress)}) > 1:
        return None
    if route.path not in ("", "/"):
        return None
    here = [
        item
        for item in graph.services_in(route.ingress.metadata.namespace)
        if item.spec.selector and graph.selected_workloads(item)
    ]
    first = [item.metadata.name for item in here if not _is_called(graph, item)]
    if len(first) != 1 or len(here) < FEW_SERVICES or first[0] == route.backend.name:
        return None
    return first[0], "the only Service that no other Service's pods call"


def _is_called(graph: Graph, service: Service) -> bool:
    for call in graph.calls.to(ref_of(service)):
        caller = graph.snap.find(call.caller)
        if isinstance(caller, Workload) and graph.services_of(caller):
            return True
    return False


def _named_for_another(graph: Graph, route: Route) -> tuple[str, str] | None:
    """Every other path goes to the Service it is named for, and this one to another."""
    expected, source = _named(graph, route)
    if not expected or _akin(expected, route.backend.name):
        return None
    service = graph.snap.get(Service, route.ingress.metadata.namespace, expected)
    others = [other for other in routes_of(route.ingress) if other.field != route.field]
    routed = {other.backend.name for other in others}
    agree = all(_named(graph, other)[0] in ("", other.backend.name) for other in others)
    if service is None or expected in routed or not agree:
        return None
    return expected, source


def _akin(one: str, other: str) -> bool:
    """Variants of one name: web, web-canary."""
    return one.startswith(other) or other.startswith(one)


def _has_port(service: Service, backend: IngressServiceBackend) -> bool:
    if service.spec.type == "ExternalName" and not service.spec.ports:
        return True
    if backend.port.name:
        return any(item.name == backend.port.name for item in service.spec.ports)
    if not backend.port.number:
        return True
    return any(item.port == backend.port.number for item in service.spec.ports)
