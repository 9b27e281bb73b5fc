"""A Service's port is another than the one that its callers use, because the Service was changed.

How we know: addresses of callers name a port that the Service does not have; a recording or what
was declared has the Service with that port, or the Service's ports were set later than it was made
and later than the callers' templates. Where a caller's address was changed, another cause tells.

Known good: the ports as they were; else the only port with the number that the callers use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic, failing_pods
from stratus_cli.kube.called import Called, answer, called_by, containers_of, service_named
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.ports import port_path
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.timeline import template_changed_at
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("service-port-changed", "the Service's port is not the one that its callers use")
FIELD = "spec.ports"
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")


@dataclass(frozen=True, slots=True)
class Caller:
    """One workload and the address by which it calls."""

    workload: Workload
    called: Called


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Service and port."""
    callers: dict[tuple[Ref, int], list[Caller]] = defaultdict(list)
    services: dict[Ref, Service] = {}
    for finding in case.of_rule("WRK205"):
        workload = case.graph.snap.find(finding.ref)
        if not isinstance(workload, Workload):
            continue
        space = workload.metadata.namespace
        for path, container in containers_of(workload.spec.template.spec):
            for called in called_by(container, path):
                service = service_named(case.graph, space, called.host)
                if service is not None and answer(case.graph, space, called) == "no such port":
                    services[ref_of(service)] = service
                    callers[(ref_of(service), called.port)].append(Caller(workload, called))
    for ref, port in sorted(callers):
        found = callers[(ref, port)]
        good = _good(case, services[ref], port)
        if good is not None or _was_changed(case, services[ref], found):
            yield _diagnosis(case, services[ref], port, found, good)


def _diagnosis(
    case: Case, service: Service, port: int, callers: list[Caller], good: KnownGood | None
) -> Diagnosis:
    ports = service.spec.ports
    field, wanted, source = FIELD, None, ""
    if len(ports) == 1:
        field = port_path(ports[0], "port")
        wanted, source = {field: port}, "the port that its callers use"
    if good is not None:
        wanted, source = {FIELD: good.value} if wanted is None else wanted, good.source
    facts: dict[str, Any] = {
        "namespace": service.metadata.namespace,
        "service": service.metadata.name,
        "port": port,
    }
    if wanted is not None:
        facts |= {"put_back": put_back(as_json(case.graph.snap, service), wanted), "source": source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(service),
        field=field,
        observed=as_text(read(service, field)),
        expected=str(port) if wanted is not None else None,
        confidence=0.97 if good is not None else 0.93,
        facts=facts | case.changed(service, FIELD),
        evidence=(
            *case.field_evidence(service, FIELD),
            *(
                field_evidence(item.workload, f"spec.template.spec.{item.called.field}")
                for item in callers[:2]
            ),
        ),
        explains=_explains(case, service, callers),
        check="when did the Service get this port, and did any caller ever use it?",
    )


def _good(case: Case, service: Service, port: int) -> KnownGood | None:
    """The ports as they were, where this one was among them."""
    for good in case.known_good.object_field(service, FIELD):
        items = good.value if isinstance(good.value, list) else ()
        if any(isinstance(item, dict) and item.get("port") == port for item in items):
            return good
    return None


def _was_changed(case: Case, service: Service, callers: list[Caller]) -> bool:
    """The Service was changed after it was made, and after every caller's template."""
    change = last_change(service, FIELD)
    if change is None or change.at_creation:
        return False
    times = [template_changed_at(case.graph, item.workload) for item in callers]
    return all(time is not None and time < change.at for time in times)


def _explains(case: Case, service: Service, callers: list[Caller]) -> tuple[tuple[str, Ref], ...]:
    keys: list[tuple[str, Ref]] = []
    for workload in {item.workload.metadata.uid: item.workload for item in callers}.values():
        keys.append(("WRK205", ref_of(workload)))
        pods = failing_pods(case.graph, case.findings, workload, *SHOWS_IN)
        keys.extend((code, ref_of(pod)) for pod in pods for code in SHOWS_IN)
        found = accused_by_traffic(case.graph, case.findings, workload)
        keys.extend(item.key for item in found)
        keys.extend(case.consequences(workload))
    keys.extend(
        item.key
        for workload in case.graph.selected_workloads(service)
        for item in accused_by_traffic(case.graph, case.findings, workload)
        if item.ref == ref_of(service)
    )
    return case.present(keys)
