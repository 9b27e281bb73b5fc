"""A Service became, or points to, a mere name that is not what its callers mean.

How we know: its type is ExternalName though its selector still matches a workload; or the name is
a Service of the cluster that does not exist.

Known good: type and name in a recording, a release or as last applied; else the type ClusterIP for
one whose selector and ports are still there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic, failing_pods
from stratus_cli.kube.external_names import leads_past
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("external-name-wrong", "the Service is a name that leads past its pods")
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")
TYPE, NAME = "spec.type", "spec.externalName"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Service."""
    for finding in case.of_rule("SVC306"):
        service = case.graph.snap.find(finding.ref)
        if isinstance(service, Service):
            yield _diagnosis(case, service)


def _diagnosis(case: Case, service: Service) -> Diagnosis:
    past = leads_past(case.graph, service)
    field = TYPE if past else NAME
    types = case.known_good.object_field(service, TYPE)
    names = [good for good in case.known_good.object_field(service, NAME) if good.value]
    facts: dict[str, Any] = {
        "namespace": service.metadata.namespace,
        "service": service.metadata.name,
    }
    expected, sure = None, 0.7
    if past and service.spec.ports:
        # An absent type is the API's default.
        kind = str(types[0].value) if types and types[0].value else "ClusterIP"
        facts |= {"good_type": kind, "no_name": None}
        facts["source"] = types[0].source if types else "its selector and ports are still there"
        expected, sure = kind, 0.96 if types else 0.9
    elif names:
        facts |= {"good_name": names[0].value, "source": names[0].source}
        expected, sure = str(names[0].value), 0.96
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(service),
        field=field,
        observed=service.spec.type if past else service.spec.external_name,
        expected=expected,
        confidence=sure,
        facts=facts | case.changed(service, field),
        evidence=(*case.field_evidence(service, TYPE), *case.field_evidence(service, NAME)),
        explains=_explains(case, service),
        check="from a caller's pod, look the Service's name up: which name does it lead to?",
    )


def _explains(case: Case, service: Service) -> tuple[tuple[str, Ref], ...]:
    keys: list[tuple[str, Ref]] = [("SVC306", ref_of(service))]
    for ref in case.graph.calls.callers(ref_of(service)):
        caller = case.graph.snap.find(ref)
        if not isinstance(caller, Workload):
            continue
        pods = failing_pods(case.graph, case.findings, caller, *SHOWS_IN)
        keys.extend((code, ref_of(pod)) for pod in pods for code in SHOWS_IN)
        found = accused_by_traffic(case.graph, case.findings, caller)
        keys.extend(item.key for item in found)
        keys.extend(case.consequences(caller))
    return case.present(keys)
