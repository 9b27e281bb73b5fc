"""An aggregated API is not available because its APIService points to nobody or trusts nobody.

How we know: its own condition says why: the Service does not exist, or the API server's call fails.
Where the Service is there and has no endpoints, what is behind it is the root, and this is silent.

Known good: the field in a recording, a release or as last applied, or the Service as it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import absent_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pods import condition
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_admission import APIService
from stratus_cli.model.objects_network import Service
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("api-unavailable", "an aggregated API points to nobody or trusts nobody")
FIELDS = ("spec.service.name", "spec.service.namespace", "spec.service.port", "spec.caBundle")
UNTOUCHED = "spec.service"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per APIService."""
    for finding in case.of_rule("CTL804"):
        item = case.graph.snap.find(finding.ref)
        if not isinstance(item, APIService) or item.spec.service is None:
            continue
        reference = item.spec.service
        service = case.graph.snap.get(Service, reference.namespace, reference.name)
        ref = Ref("Service", reference.namespace, reference.name, "v1")
        if service is not None and case.present([("SVC301", ref), ("SVC302", ref)]):
            continue
        found = _changed_field(case, item, finding)
        if found is not None:
            yield found
        elif service is None and case.graph.snap.was_read("Service"):
            yield _missing(case, item, ref, finding)
        else:
            yield _unclear(case, item, finding)


def _changed_field(case: Case, item: APIService, finding: Finding) -> Diagnosis | None:
    """A field that was another, where an earlier value leads to a Service that is there."""
    for field in FIELDS:
        for good in case.known_good.object_field(item, field):
            if good.value is None:
                continue
            facts: dict[str, object] = {
                "api": item.metadata.name,
                "put_back": put_back(as_json(case.graph.snap, item), {field: good.value}),
                "source": good.source,
            }
            return _made(case, item, finding, field, str(good.value), 0.95, facts)
    return None


def _missing(case: Case, item: APIService, ref: Ref, finding: Finding) -> Diagnosis:
    good = case.known_good.object(ref)
    facts: dict[str, object] = {"api": item.metadata.name, "namespace": ref.namespace}
    if good is not None:
        facts |= {"manifest": good.value, "source": good.source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref if good is not None else ref_of(item),
        field="" if good is not None else "spec.service.name",
        observed="(absent)" if good is not None else ref.name,
        expected=f"as in the {good.source}" if good is not None else None,
        confidence=0.95 if good is not None else 0.8,
        facts=facts,
        evidence=(absent_evidence(ref), *finding.evidence),
        explains=case.present([finding.key]),
        check="does the Service exist under another name or in another namespace?",
    )


def _unclear(case: Case, item: APIService, finding: Finding) -> Diagnosis:
    state = condition(item.status.conditions, "Available")
    trusts = "x509" in state.message if state is not None else False
    field = "spec.caBundle" if trusts else UNTOUCHED
    return _made(case, item, finding, field, None, 0.6, {"api": item.metadata.name})


def _made(
    case: Case,
    item: APIService,
    finding: Finding,
    field: str,
    expected: str | None,
    confidence: float,
    facts: dict[str, object],
) -> Diagnosis:
    value = read(item, field)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(item),
        field=field,
        observed="(absent)" if value is ABSENT else as_text(value),
        expected=expected,
        confidence=confidence,
        facts=facts | case.changed(item, field),
        evidence=(*case.field_evidence(item, field), *finding.evidence),
        explains=case.present([finding.key]),
        check="kubectl get --raw /apis/GROUP/VERSION: what does the API server say?",
    )
