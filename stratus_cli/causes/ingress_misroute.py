"""An Ingress routes a path to a Service or port that does not exist, or to another than is meant.

How we know: the backend names a Service or port that is not there; or, after an edit, one that the
path is not named for while all other paths lead to theirs; or its class does not exist.

Known good: that field in a recording, a release or as last applied, where it leads somewhere; else
the only Service of nearly that name, the one that the path or the Ingress is named for, the
Service's only port, the only class.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.fields import read
from stratus_cli.kube.ingress_controllers import controllers, controllers_of
from stratus_cli.kube.missing_services import fronted_by
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.routes import Misroute, misroutes_of, missing_class, was_edited
from stratus_cli.kube.victims import hurt
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_network import Ingress, Service
from stratus_cli.model.objects_policy import IngressClass
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("ingress-misroute", "the Ingress routes to what is not there or not meant")
CLASS = "spec.ingressClassName"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per wrong field."""
    for finding in case.of_rule("NET702"):
        ingress = case.graph.snap.find(finding.ref)
        if not isinstance(ingress, Ingress):
            continue
        for item in misroutes_of(case.graph, ingress):
            yield _route(case, ingress, item)
        absent = missing_class(case.graph, ingress)
        if absent:
            yield _class(case, ingress, absent)


def _route(case: Case, ingress: Ingress, item: Misroute) -> Diagnosis:
    expected, source, known = _expected(case, ingress, item)
    deleted = item.why == "no-service" and not known and _was_there(case, item)
    sure = 0.97 if known else 0.85 if expected and was_edited(ingress) else 0.75
    return _diagnosis(
        case,
        ingress,
        item.field,
        observed=item.observed,
        good=(expected, source),
        confidence=0.5 if deleted or not expected else sure,
        evidence=_evidence(case, item),
    )


def _class(case: Case, ingress: Ingress, absent: str) -> Diagnosis:
    names = sorted(item.metadata.name for item in case.graph.snap.of(IngressClass))
    goods = [
        good
        for good in case.known_good.object_field(ingress, CLASS)
        if isinstance(good.value, str) and good.value in names
    ]
    expected, source = (names[0], "the only class there is") if len(names) == 1 else ("", "")
    if goods:
        expected, source = str(goods[0].value), goods[0].source
    return _diagnosis(
        case,
        ingress,
        CLASS,
        observed=absent,
        good=(expected, source),
        confidence=0.96 if goods else 0.9,
        evidence=(absent_evidence(Ref("IngressClass", "", absent, "networking.k8s.io/v1")),),
    )


def _diagnosis(
    case: Case,
    ingress: Ingress,
    field: str,
    *,
    observed: str,
    good: tuple[str, str],
    confidence: float,
    evidence: tuple[Evidence, ...],
) -> Diagnosis:
    expected, source = good
    facts: dict[str, object] = {
        "namespace": ingress.metadata.namespace,
        "ingress": ingress.metadata.name,
        "observed": observed,
    }
    if expected:
        value: object = int(expected) if field.endswith(".number") else expected
        values = {field: value, **_port_with(case, ingress, field, expected)}
        patch = put_back(as_json(case.graph.snap, ingress), values)
        facts |= {"good_value": value, "source": source, "put_back": patch}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(ingress),
        field=field,
        observed=observed,
        expected=expected or None,
        confidence=confidence,
        facts=facts | case.changed(ingress, field),
        evidence=(*case.field_evidence(ingress, field), *evidence),
        explains=(
            *case.present([("NET702", ref_of(ingress))]),
            *hurt(
                case.graph,
                case.findings,
                controllers_of(controllers(case.graph), ingress),
            ),
        ),
        check="which Service should answer this path, and when was the Ingress edited?",
    )


def _port_with(case: Case, ingress: Ingress, field: str, name: str) -> dict[str, object]:
    """The backend's port too, where the Service that is meant does not have the present one."""
    if not field.endswith(".service.name"):
        return {}
    path = f"{field.removesuffix('.name')}.port"
    service = case.graph.snap.get(Service, ingress.metadata.namespace, name)
    ports = service.spec.ports if service is not None else ()
    now = read(ingress, path)
    if not isinstance(now, dict) or not ports:
        return {}
    wanted = now.get("name") or now.get("number")
    if any(wanted in (port.name, port.port) for port in ports):
        return {}
    for good in case.known_good.object_field(ingress, path):
        if isinstance(good.value, dict):
            return {path: good.value}
    return {path: {"number": ports[0].port}} if len(ports) == 1 else {}


def _expected(case: Case, ingress: Ingress, item: Misroute) -> tuple[str, str, bool]:
    """(value, who says so, whether it once was so)."""
    for good in case.known_good.object_field(ingress, item.field):
        if good.value is not None and _leads_somewhere(case, item, good.value):
            return str(good.value), good.source, True
    return item.expected, item.source, False


def _leads_somewhere(case: Case, item: Misroute, value: object) -> bool:
    space = item.route.ingress.metadata.namespace
    if item.field.endswith("service.name"):
        return case.graph.snap.get(Service, space, str(value)) is not None
    service = case.graph.snap.get(Service, space, item.route.backend.name)
    ports = service.spec.ports if service is not None else ()
    return any(value in (port.port, port.name) for port in ports)


def _was_there(case: Case, item: Misroute) -> bool:
    """A workload is there that this very Service would front: the Service is what is gone."""
    space = item.route.ingress.metadata.namespace
    ref = Ref("Service", space, item.route.backend.name, "v1")
    return fronted_by(case.graph, ref) is not None or case.known_good.object(ref) is not None


def _evidence(case: Case, item: Misroute) -> tuple[Evidence, ...]:
    space, name = item.route.ingress.metadata.namespace, item.route.backend.name
    if item.why == "no-service":
        return (absent_evidence(Ref("Service", space, name, "v1")),)
    service = case.graph.snap.get(Service, space, name)
    return (field_evidence(service, "spec.ports"),) if service is not None else ()
