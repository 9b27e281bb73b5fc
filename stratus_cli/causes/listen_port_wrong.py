"""A program is told to listen on another port than its probes and its Service ask.

How we know: what asks the container's port is refused, and a variable or flag of the container that
sets the port it listens on has another number than the one that is declared, probed and served.

Known good: the setting of an earlier revision, a recording, or what was last applied; else the port
that the container declares and that its probes and Services agree on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    Setting,
    earlier_word,
    suspects,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of, service_named
from stratus_cli.kube.evidence import event_evidence, log_evidence
from stratus_cli.kube.pods import newest_event
from stratus_cli.kube.ports import target_of
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Container, Pod, Probe
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("listen-port-wrong", "the program listens on another port than it is asked on")
CODES = ("POD106", "POD108", "POD101")

VARIABLE = re.compile(
    r"^(?:(?:APP|SERVER|SERVICE|HTTP|HTTPS|GRPC|WEB|API|LISTEN|BIND|UVICORN|GUNICORN|FLASK|RAILS"
    r"|NODE|ASPNETCORE|MY|SVC)_)*(?:HTTP_)?(?:PORT|PORTS|URLS|LISTEN|LISTEN_ADDR(?:ESS)?|BIND"
    r"|BIND_ADDR(?:ESS)?|ADDR|LISTEN_PORT|SERVER_PORT|HTTP_PORT|GRPC_PORT)$"
)
FLAG = re.compile(
    r"(?:^|\s)--?(?:(?:http|grpc|server|web|listen|bind)[-_.]?)?(?:port|p|listen|bind|addr|address|"
    r"listen-address|server\.port|http-addr)[= ](?:[\w.*\[\]]*:)?(?P<port>\d{2,5})\b"
)
VALUE = re.compile(r"^(?:https?://)?(?:(?:[\d.]+|\*|\+|\[::\]|localhost)?:)?(?P<port>\d{2,5})/?$")
REFUSED = "connection refused"
LISTENS = re.compile(r"(?:listen|serv|start|bound|running)\w*\b.{0,60}?\b(?P<port>\d{2,5})\b", re.I)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container whose port setting is not the port that is asked."""
    for workload, pods in suspects(case, *CODES):
        events = [(pod, newest_event(case.graph, pod, "Unhealthy")) for pod in pods]
        refused = [(pod, event) for pod, event in events if event and REFUSED in event.message]
        if pods and not refused:
            continue
        for path, container in containers_of(workload.spec.template.spec):
            asked = _asked(case, workload, container)
            if len(asked) != 1:
                continue  # more than one port, or none: nothing says which one is meant
            wrong = list(_wrong(case, workload, path, container, asked[0]))
            if len(wrong) == 1:
                evidence = [event_evidence(pod, event) for pod, event in refused[:SHOWN_LINES]]
                yield _diagnosis(case, workload, pods, container, wrong[0], asked[0], evidence)


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    container: Container,
    wrong: tuple[str, str],
    asked: int,
    evidence: list[Evidence],
) -> Diagnosis:
    field, port = wrong
    said = list(_listens(case, workload, container.name, port))
    good = earlier_word(case, workload, field)
    if good is None:
        value = str(value_of(workload, field))
        wanted = re.sub(rf"(?<!\d){port}(?!\d)", str(asked), value)
        good = Setting({field: wanted}, f"the port {asked} that is declared and asked", known=False)
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=0.95 if good.known else 0.9 if said else 0.8,
        pods=pods,
        codes=CODES,
        container=container.name,
        evidence=[*evidence, *said[:SHOWN_LINES]],
        facts={"asked": asked, "port": port},
        check="kubectl exec POD -- ss -ltn: which port does the program listen on?",
    )


def _asked(case: Case, workload: Workload, container: Container) -> list[int]:
    """The ports that two of these agree on: what it declares, its probes, and its Services."""
    names = {port.name: port.container_port for port in container.ports if port.name}
    declared = {port.container_port for port in container.ports}
    probes = (container.readiness_probe, container.liveness_probe, container.startup_probe)
    probed = {_number(_port_of(probe), names) for probe in probes}
    served = {
        _number(target_of(item), names)
        for service in case.services(workload)
        for item in service.spec.ports
    }
    agreed = (declared & probed) | (declared & served) | (probed & served)
    return sorted(agreed - {0})


def _number(port: int | str | None, names: dict[str, int]) -> int:
    """A port's number; 0 where there is none."""
    return names.get(port, 0) if isinstance(port, str) else port or 0


def _port_of(probe: Probe | None) -> int | str | None:
    target = (probe.http_get or probe.tcp_socket) if probe else None
    return target.port if target else None


def _wrong(
    case: Case, workload: Workload, path: str, container: Container, asked: int
) -> Iterator[tuple[str, str]]:
    """(field below the pod spec, the other port) of each setting that says where to listen."""
    declared = {port.container_port for port in container.ports}
    stems = {item.name.upper() for item in container.env}
    for item in container.env:
        match = VALUE.match(item.value)
        if match is None or not VARIABLE.match(item.name.upper()):
            continue
        stem = item.name.upper().rpartition("_PORT")[0]
        if stem and {f"{stem}_HOST", f"{stem}_ADDR"} & stems:
            continue  # the port of somebody else
        if stem and service_named(case.graph, workload.metadata.namespace, stem.lower()):
            continue
        number = int(match["port"])
        if number != asked and number not in declared:
            yield f"{path}.env[name={item.name}].value", match["port"]
    for name, words in (("args", container.args), ("command", container.command)):
        for index, word in enumerate(words):
            match = FLAG.search(word)
            if match and int(match["port"]) not in {asked, *declared}:
                yield f"{path}.{name}[{index}]", match["port"]


def _listens(case: Case, workload: Workload, container: str, port: str) -> Iterator[Evidence]:
    """Lines in which the program says that it listens on the other port."""
    pods = {ref_of(pod) for pod in case.graph.new_pods_of(workload)}
    for tail in case.graph.snap.signals.logs:
        if tail.pod in pods and tail.container == container:
            for line in tail.lines:
                match = LISTENS.search(line[:500])
                if match and match["port"] == port:
                    yield log_evidence(tail.pod, container, previous=tail.previous, line=line)
