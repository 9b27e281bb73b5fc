"""Hosts that an init container waits for, and whether anything in the cluster can answer to them.

Pure. Besides addresses with a port, the host of the usual commands for waiting (`nslookup db`,
`nc -z db 5432`) and of a socket call in a script is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.kube.called import Called, addresses, called_by, is_cluster_name, service_named
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_facts import facts_of
from stratus_cli.kube.log_patterns import UNRESOLVED
from stratus_cli.kube.pods import Part, age_s
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.snapshot import ref_of

PATIENCE_S = 20.0
"""For a Service that is made in the same deploy. Our choice: an apply of a whole app takes seconds,
and until then nothing is said about an init container that waits for a name nobody has."""
SAID_S = 10.0
"""The same, once its own log says that the name does not resolve."""

_HOST = r"(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)"
_ASKED = (
    re.compile(
        r"\b(?:nslookup|host|dig|ping6?|getent\s+(?:a?hosts\w*)|nc|ncat|telnet|pg_isready|curl|wget)"
        rf"\s+(?:-{{1,2}}[\w=-]+\s+(?:\d+\s+)?)*{_HOST}(?:[ :](?P<port>\d{{1,5}}))?(?![\w.:/-])",
        re.I,
    ),
    re.compile(rf"(?:-h|--host)[ =]{_HOST}(?![\w.:/-])", re.I),
    re.compile(rf"\(\(?[\"']{_HOST}[\"'](?:,\s*(?P<port>\d{{1,5}}))?", re.I),
)


def waits_on(graph: Graph, part: Part, *, said: bool) -> bool:
    """An init container that is no sidecar runs for longer than our patience.

    said: its log says that a name does not resolve.
    """
    running = part.status.state.running
    if not part.is_init or part.container.restart_policy == "Always" or running is None:
        return False
    return age_s(graph, running.started_at) > (SAID_S if said else PATIENCE_S)


def nobody(graph: Graph, namespace: str, container: Container, path: str) -> tuple[Called, ...]:
    """What this container calls that can only be a Service's name, and no Service has."""
    found = {
        (item.field, item.host): item
        for item in (*called_by(container, path), *_asked(container, path))
        if graph.snap.was_read("Service")
        and is_cluster_name(graph, item.host)
        and service_named(graph, namespace, item.host) is None
    }
    return tuple(found.values())


def unresolved(graph: Graph, pod: Pod, part: Part) -> frozenset[str]:
    """Names that the container's own log says do not resolve."""
    return frozenset(
        fact.target
        for tail in graph.snap.signals.logs
        if tail.pod == ref_of(pod) and tail.container == part.status.name
        for fact in facts_of(tail)
        if fact.kind == UNRESOLVED and fact.target
    )


def _asked(container: Container, path: str) -> Iterator[Called]:
    for name, words in (("args", container.args), ("command", container.command)):
        for index, word in enumerate(words):
            field = f"{path}.{name}[{index}]"
            yield from addresses(word, field)
            for pattern in _ASKED:
                for match in pattern.finditer(word[:4096]):
                    host = match["host"].lower()
                    if re.search(r"[a-z]", host):
                        port = match.groupdict().get("port") or "0"
                        end = match.end()
                        yield Called(field, word, host, int(port), end, end, match.span("host"))
        if len(words) > 1 and re.fullmatch(r"nslookup|host|dig|ping|nc|telnet", words[0]):
            for index, word in enumerate(words[1:], 1):
                if re.fullmatch(_HOST, word) and re.search(r"[a-z]", word):
                    field = f"{path}.{name}[{index}]"
                    yield Called(field, word, word, 0, len(word), len(word), (0, len(word)))
