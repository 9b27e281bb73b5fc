"""A container is told to call an address that no Service answers.

How we know: the address stands in env, args or command, and the Service is there and has no such
port, or is misspelt, or the address led to another Service before. It is surest when the
container's own log complains about that address or an earlier value of the field led to a port
that is served.

Known good: the field's value of an earlier revision, a recording, or what was last applied, where
a Service answers it; else the port that other workloads call the Service by, or its only port.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.causes.case import SHOWN_LINES, Case, Faulty
from stratus_cli.kube.accused import accused_by_traffic, failing_pods
from stratus_cli.kube.called import (
    Called,
    answer,
    called_by,
    containers_of,
    is_dead,
    misspelt,
    service_named,
    was_served,
)
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import CONNECTION
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("dead-address", "a container calls an address that no Service answers")
PREFIX = "spec.template.spec."
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")


@dataclass(frozen=True, slots=True)
class Good:
    """What the field should say, and who says so. known: it worked, it is not a guess."""

    value: str
    source: str
    known: bool


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per dead address."""
    for ref in sorted({finding.ref for finding in case.of_rule("WRK205", "SVC303")}):
        workload = case.graph.snap.find(ref)
        if not isinstance(workload, Workload):
            continue
        namespace = workload.metadata.namespace
        for path, container in containers_of(workload.spec.template.spec):
            for called in called_by(container, path):
                service = service_named(case.graph, namespace, called.host)
                meant = misspelt(case.graph, namespace, called)
                if is_dead(case.graph, namespace, called):
                    good = _good(case, workload, called, service, meant)
                elif answer(case.graph, namespace, called) == "no such service":
                    good = _earlier(case, workload, called)
                    if good is None:
                        continue  # the Service may be what is missing
                else:
                    continue
                yield _diagnosis(case, workload, container.name, called, service or meant, good)


def _diagnosis(
    case: Case,
    workload: Workload,
    container: str,
    called: Called,
    service: Service | None,
    good: Good | None,
) -> Diagnosis:
    field = PREFIX + called.field
    pods = failing_pods(case.graph, case.findings, workload, *SHOWS_IN)
    said = _said(case, workload, called)
    faulty = Faulty(workload, workload.spec.template.spec, PREFIX, pods, ())
    facts = case.facts(faulty, field, container=container, address=f"{called.host}:{called.port}")
    if good is not None:
        facts |= {
            "good_value": good.value,
            "source": good.source,
            "put_back": put_back(as_json(case.graph.snap, workload), {field: good.value}),
        }
    if good is None or not good.known:
        facts.pop("good_revision", None)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(workload),
        field=field,
        observed=called.text,
        expected=good.value if good else None,
        confidence=_confidence(good, said=bool(said)),
        facts=facts | case.changed(workload, field),
        evidence=(
            *case.field_evidence(workload, field),
            *([field_evidence(service, "spec.ports")] if service is not None else []),
            *(fact.evidence for fact in said[:SHOWN_LINES]),
        ),
        explains=case.present(
            [
                ("WRK205", ref_of(workload)),
                ("SVC303", ref_of(workload)),
                *((code, ref_of(pod)) for pod in pods for code in SHOWS_IN),
                *(item.key for item in accused_by_traffic(case.graph, case.findings, workload)),
                *case.consequences(workload),
            ]
        ),
        check=f"from a pod of {workload.metadata.name}, connect to {called.host}:{called.port}"
        " and to the Service's own ports",
    )


def _said(case: Case, workload: Workload, called: Called) -> list[LogFact]:
    pods = [ref_of(pod) for pod in case.graph.new_pods_of(workload)]
    return [
        fact
        for fact in facts_of_pods(case.graph.snap, pods, *CONNECTION)
        if fact.said.host == called.host and fact.said.port in (0, called.port)
    ]


def _good(
    case: Case,
    workload: Workload,
    called: Called,
    service: Service | None,
    meant: Service | None,
) -> Good | None:
    before = _earlier(case, workload, called)
    if before is not None or service is None:
        if before is None and meant is not None:
            _, dot, rest = called.host.partition(".")
            value = called.with_host(meant.metadata.name + dot + rest)
            name = f"Service {meant.metadata.name}, whose name is nearly the same"
            return Good(value, name, known=False)
        return before
    ports = [item.port for item in service.spec.ports]
    others = _called_by_others(case, workload, service)
    if others is not None:
        name = f"the port that other workloads call Service {service.metadata.name} by"
        return Good(called.with_port(others), name, known=False)
    if len(ports) == 1:
        name = f"the only port of Service {service.metadata.name}"
        return Good(called.with_port(ports[0]), name, known=False)
    return None


def _earlier(case: Case, workload: Workload, called: Called) -> Good | None:
    """The field's last value that a Service answers."""
    for value in case.known_good.workload_field(workload, PREFIX + called.field):
        if isinstance(value.value, str) and was_served(
            case.graph, workload.metadata.namespace, called, value.value
        ):
            return Good(value.value, value.source, known=True)
    return None


def _called_by_others(case: Case, workload: Workload, service: Service) -> int | None:
    """The one port by which other containers of the namespace call this Service, if there is one.

    More than half of them must agree.
    """
    namespace = workload.metadata.namespace
    ports: Counter[int] = Counter()
    for other in case.graph.workloads_in(namespace):
        for path, container in containers_of(other.spec.template.spec):
            for item in called_by(container, path):
                same = service_named(case.graph, namespace, item.host) is service
                if same and answer(case.graph, namespace, item) == "served":
                    ports[item.port] += 1
    if not ports:
        return None
    port, count = ports.most_common(1)[0]
    return port if 2 * count > ports.total() else None


def _confidence(good: Good | None, *, said: bool) -> float:
    if good is not None and good.known:
        return 0.96 if said else 0.9
    if said:
        return 0.9 if good else 0.8
    return 0.78 if good else 0.5
