"""Which addresses a container is told to call, and whether a Service of the cluster answers there.

Pure. Looks at env values, args and command: `host:port` and URLs, and pairs of variables such as
CART_HOST and CART_PORT. Says nothing of addresses outside the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.ports import served_ports
from stratus_cli.kube.spelling import nearly
from stratus_cli.model.objects import Namespace
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Container, EnvVar, PodSpec

_HOST = r"(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)"
_ADDRESS = re.compile(
    rf"(?:(?P<scheme>[a-z][a-z0-9+.-]{{0,20}})://(?:[^\s/@]{{0,256}}@)?|(?<![\w./@«-])){_HOST}"
    r"(?::(?P<port>\d{1,5})(?![\w:]))?",
    re.I,
)
_PORTS = {  # IANA service names and the schemes' own documents
    "http": 80,
    "ws": 80,
    "https": 443,
    "wss": 443,
    "redis": 6379,
    "rediss": 6379,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "mongodb": 27017,
    "amqp": 5672,
    "nats": 4222,
}
_HOST_NAMES = re.compile(r"^(?P<stem>.+)_(?:HOST|HOSTNAME|ADDR|ADDRESS)$", re.I)
_LONGEST = 4096  # of a value; addresses stand in short ones

Answer = Literal["served", "no such port", "no such service", "unknown"]


@dataclass(frozen=True, slots=True)
class Called:
    """One address. field: where the wrong part would be changed, below the pod spec.

    text: the whole value there; start, end: the port inside it (equal when it has none);
    where: like start and end, of the host, which may stand in another field (then 0, 0).
    """

    field: str
    text: str
    host: str
    port: int
    start: int
    end: int
    where: tuple[int, int]

    def with_port(self, port: int) -> str:
        """The value with another port."""
        shown = str(port) if self.end > self.start else f":{port}"
        return self.text[: self.start] + shown + self.text[self.end :]

    def with_host(self, host: str) -> str:
        """The value with another host."""
        return self.text[: self.where[0]] + host + self.text[self.where[1] :]


def called_by(container: Container, path: str) -> tuple[Called, ...]:
    """Every address of a container. path: its own, below the pod spec.

    A variable that stands twice is left out: which of the two counts is another question.
    """
    found: list[Called] = []
    names = [item.name for item in container.env]
    single = [item for item in container.env if names.count(item.name) == 1]
    for item in single:
        found.extend(addresses(item.value, f"{path}.env[name={item.name}].value"))
    found.extend(_pairs(single, path))
    for name, words in (("args", container.args), ("command", container.command)):
        for index, word in enumerate(words):
            found.extend(addresses(word, f"{path}.{name}[{index}]"))
    return tuple(found)


def addresses(text: str, field: str) -> Iterator[Called]:
    """The addresses with a port, given or implied by the scheme, in one text."""
    if len(text) > _LONGEST:
        return
    for match in _ADDRESS.finditer(text):
        host = match["host"].lower()
        port = int(match["port"]) if match["port"] else _PORTS.get((match["scheme"] or "").lower())
        if port is None or not 0 < port <= 65535 or not re.search(r"[a-z]", host):  # TCP
            continue
        start, end = match.span("port") if match["port"] else (match.end(), match.end())
        yield Called(field, text, host, port, start, end, match.span("host"))


def service_named(graph: Graph, namespace: str, host: str) -> Service | None:
    """The Service that this host name means to a pod of this namespace, if it is there."""
    name, _, rest = host.partition(".")
    where = rest.partition(".")[0] or namespace
    return graph.snap.get(Service, where, name)


def is_cluster_name(graph: Graph, host: str) -> bool:
    """The name can only be a Service's: it has no dot, or names a namespace that is there."""
    parts = host.rstrip(".").split(".")
    if len(parts) == 1:
        return parts[0] != "localhost"
    spaces = {item.metadata.name for item in graph.snap.of(Namespace)}
    return parts[1] in spaces and (len(parts) == 2 or parts[2] == "svc")  # NAME.NAMESPACE


def answer(graph: Graph, namespace: str, called: Called) -> Answer:
    """Whether a Service of the cluster has this port."""
    service = service_named(graph, namespace, called.host)
    if service is None:
        known = graph.snap.was_read("Service") and is_cluster_name(graph, called.host)
        return "no such service" if known else "unknown"
    if service.spec.type == "ExternalName" or not service.spec.ports:
        return "unknown"
    if called.port in {item.port for item in service.spec.ports}:
        return "served"
    if service.spec.cluster_ip == "None" and _pod_may_serve(graph, service, called.port):
        return "unknown"
    return "no such port"


def misspelt(graph: Graph, namespace: str, called: Called) -> Service | None:
    """The one Service with this port whose name is nearly the called one, which nobody has.

    Only where nothing else is of that name: the Service of a workload may be missing instead.
    """
    if answer(graph, namespace, called) != "no such service" or called.where == (0, 0):
        return None
    name, _, rest = called.host.partition(".")
    where = rest.partition(".")[0] or namespace
    if any(item.metadata.name == name for item in graph.workloads_in(where)):
        return None
    here = {
        item.metadata.name: item
        for item in graph.services_in(where)
        if called.port in {port.port for port in item.spec.ports}
    }
    near = nearly(name, here)
    return here[near[0]] if len(near) == 1 else None


def is_dead(graph: Graph, namespace: str, called: Called) -> bool:
    """No Service answers it: the port is not the Service's, or the name is misspelt."""
    found = answer(graph, namespace, called)
    return found == "no such port" or misspelt(graph, namespace, called) is not None


def was_served(graph: Graph, namespace: str, called: Called, value: str) -> bool:
    """Another value of this field names only addresses that a Service of the cluster answers."""
    if called.where == (0, 0):  # the port alone; the host is another variable
        service = service_named(graph, namespace, called.host)
        return service is not None and value in {str(port.port) for port in service.spec.ports}
    found = list(addresses(value, called.field))
    return bool(found) and all(answer(graph, namespace, item) == "served" for item in found)


def _pod_may_serve(graph: Graph, service: Service, port: int) -> bool:
    """Through a headless Service a client talks to the pods, on any port that they serve."""
    targets = {item.target_port for item in service.spec.ports}
    pods = graph.selected_pods(service)
    served = {item.number for pod in pods for item in served_ports(pod.spec)}
    return not pods or port in targets | served


def containers_of(spec: PodSpec) -> Iterator[tuple[str, Container]]:
    """(path below the pod spec, container), init containers first."""
    for item in spec.init_containers:
        yield f"initContainers[name={item.name}]", item
    for item in spec.containers:
        yield f"containers[name={item.name}]", item


def _pairs(env: Sequence[EnvVar], path: str) -> Iterator[Called]:
    """CART_HOST=cart with CART_PORT=7070. The port's variable is the field."""
    by_name = {item.name.upper(): item for item in env}
    for item in env:
        stem = _HOST_NAMES.match(item.name)
        other = by_name.get(f"{stem['stem'].upper()}_PORT") if stem else None
        if other is None or not re.fullmatch(_HOST, item.value) or not other.value.isdigit():
            continue
        port = int(other.value[:6])
        if 0 < port <= 65535:  # TCP
            field = f"{path}.env[name={other.name}].value"
            end = len(other.value)
            yield Called(field, other.value, item.value, port, 0, end, (0, 0))
