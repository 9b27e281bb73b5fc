"""Which ports the containers behind a Service say they serve.

containerPort is informational: a port may be served without being declared. So a number counts as
unserved only where every container says what it serves, by a declared port or by a probe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stratus_cli.model.objects import IntOrString
from stratus_cli.model.objects_network import Service, ServicePort
from stratus_cli.model.objects_pod import Container, PodSpec, Probe

PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True, slots=True)
class ServedPort:
    """One declared or probed port."""

    container: str
    number: int
    name: str
    protocol: str
    declared: bool


def served_ports(spec: PodSpec) -> tuple[ServedPort, ...]:
    """Declared ports of all containers, sidecars included, and those that probes talk to."""
    return tuple(port for container in _serving(spec) for port in _of(container))


def is_telling(spec: PodSpec) -> bool:
    """Every container says what it serves."""
    return bool(spec.containers) and all(any(_of(item)) for item in _serving(spec))


def is_named_port_missing(port: ServicePort, specs: Iterable[PodSpec]) -> bool:
    """The target is a name that no container of any of these pods has."""
    name = target_of(port)
    return isinstance(name, str) and not any(
        served.declared and served.name == name and served.protocol == port.protocol
        for spec in specs
        for served in served_ports(spec)
    )


def is_number_unserved(port: ServicePort, specs: Iterable[PodSpec]) -> bool:
    """The target is a number that none of these pods serves, and all of them tell."""
    number = target_of(port)
    known = list(specs)
    if not isinstance(number, int) or not known or not all(is_telling(spec) for spec in known):
        return False
    return not any(
        served.number == number and (served.protocol == port.protocol or not served.declared)
        for spec in known
        for served in served_ports(spec)
    )


def other_protocol(service: Service, port: ServicePort, specs: Iterable[PodSpec]) -> str:
    """The one protocol by which all declare the target number, where it is not the port's.

    "" where they do not agree, or another port of the Service has that protocol: then the container
    only does not declare both.
    """
    found = {
        item.protocol
        for spec in specs
        for item in served_ports(spec)
        if item.declared and item.number == target_of(port)
    }
    if len(found) != 1 or port.protocol in found:
        return ""
    (protocol,) = found
    same = (
        item
        for item in service.spec.ports
        if item.protocol == protocol and target_of(item) == target_of(port)
    )
    return "" if any(True for _ in same) else protocol


def target_of(port: ServicePort) -> IntOrString:
    """The target port; the API server fills in the port itself where none is given."""
    return port.target_port or port.port


def port_path(port: ServicePort, field: str = "targetPort") -> str:
    """Path of a field of this port below the Service.

    The API server tells ports by number and protocol, and takes three protocols; what else stands
    there was not read from one, and might end the path.
    """
    protocol = f",protocol={port.protocol}" if port.protocol in PROTOCOLS else ""
    return f"spec.ports[port={port.port}{protocol}].{field}"


def _serving(spec: PodSpec) -> Iterator[Container]:
    yield from spec.containers
    yield from (item for item in spec.init_containers if item.restart_policy == "Always")


def _of(container: Container) -> Iterator[ServedPort]:
    names = {port.name: port.container_port for port in container.ports if port.name}
    declared = {port.container_port for port in container.ports}
    for port in container.ports:
        yield ServedPort(container.name, port.container_port, port.name, port.protocol, True)
    for probe in (container.readiness_probe, container.liveness_probe, container.startup_probe):
        number = _probed(probe, names)
        if number is not None and number not in declared:
            yield ServedPort(container.name, number, "", "TCP", False)


def _probed(probe: Probe | None, names: dict[str, int]) -> int | None:
    if probe is None:
        return None
    target = probe.http_get or probe.tcp_socket
    if target is None:
        return None
    return target.port if isinstance(target.port, int) else names.get(target.port)
