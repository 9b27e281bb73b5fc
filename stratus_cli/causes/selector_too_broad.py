"""A Service's selector also matches pods of another workload, which get part of its requests.

How we know: beside the workload of its own name it selects one of another name that has a Service
of its own or does not serve the port.

Known good: the selector in a recording or as last applied, where that matches its own workload and
not the other; else the labels that all other Services of the namespace select by; else the present
ones with the label that tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic
from stratus_cli.kube.fields import as_text
from stratus_cli.kube.selected import SELECTOR, Foreign, as_siblings, foreign_to, narrowed
from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_network import Service
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("selector-too-broad", "the Service's selector matches another workload's pods")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Service."""
    for finding in case.of_rule("SVC304"):
        service = case.graph.snap.find(finding.ref)
        found = foreign_to(case.graph, service) if isinstance(service, Service) else None
        if isinstance(service, Service) and found is not None:
            yield _diagnosis(case, service, found)


def _diagnosis(case: Case, service: Service, found: Foreign) -> Diagnosis:
    selector, source, confidence = _expected(case, service, found)
    now = service.spec.selector
    facts: dict[str, object] = {
        "namespace": service.metadata.namespace,
        "service": service.metadata.name,
        "others": [f"{item.KIND.lower()}/{item.metadata.name}" for item in found.others],
    }
    if selector is not None:
        gone = {key: None for key in sorted(now) if key not in selector}
        kept = {key: selector[key] for key in sorted(selector) if now.get(key) != selector[key]}
        facts |= {"selector_patch": gone | kept, "source": source}
    finding = next(item for item in case.of_rule("SVC304") if item.ref == ref_of(service))
    accused = [
        item.key
        for workload in (found.own, *found.others)
        for item in accused_by_traffic(case.graph, case.findings, workload)
        if item.ref == ref_of(service) or workload is found.own
    ]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(service),
        field=SELECTOR,
        observed=as_text(dict(now)),
        expected=as_text(dict(selector)) if selector is not None else None,
        confidence=confidence,
        facts=facts | case.changed(service, SELECTOR),
        evidence=(*case.field_evidence(service, SELECTOR), *finding.evidence[1:]),
        explains=case.present([finding.key, ("SVC302", finding.ref), *accused]),
        check="which pods are its endpoints, and which of them answer as the Service should?",
    )


def _expected(
    case: Case, service: Service, found: Foreign
) -> tuple[Mapping[str, str] | None, str, float]:
    """(selector, who says so, confidence)."""
    mine = found.own.spec.template.metadata.labels
    for good in case.known_good.service_field(service, SELECTOR):
        if not isinstance(good.value, dict) or not matches_map(good.value, mine):
            continue
        others = (item.spec.template.metadata.labels for item in found.others)
        if not any(matches_map(good.value, labels) for labels in others):
            return good.value, good.source, 0.96
    telling = narrowed(found.own, found.others)
    if not telling:
        return None, "", 0.6
    wanted = as_siblings(case.graph, service, found) or {**service.spec.selector, **telling}
    names = ", ".join(item.metadata.name for item in found.others)
    source = f"the labels of {found.own.KIND} {found.own.metadata.name} that {names} does not have"
    sure = 0.9 if found.late and found.unserved else 0.86 if found.late or found.unserved else 0.7
    return wanted, source, sure
