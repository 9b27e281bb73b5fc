"""A Service's selector matches no pod and no workload, so it has no endpoints.

How we know: nothing in the namespace has all of the selector's labels, not even a workload at zero.
The keys that are wrong are those on which it misses the workload it meant: the one that a recording
or the last-applied annotation agrees with, or the only one that it misses by the fewest keys.

Known good: the selector of a recording or of what was last applied; else the labels of the workload
it nearly matches. Keys that the workload does not have are taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, quoted
from stratus_cli.kube.near import Near, nearest_workloads
from stratus_cli.kube.refused import relying_on
from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_network import Service
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("selector-matches-nothing", "the Service's selector matches no pod")
FIELD = "spec.selector"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Service without endpoints whose selector matches nothing."""
    for finding in case.of_rule("SVC301"):
        service = case.graph.snap.find(finding.ref)
        if not isinstance(service, Service):
            continue
        if case.graph.selected_pods(service) or case.graph.selected_workloads(service):
            continue
        yield _diagnosis(case, service)


def _diagnosis(case: Case, service: Service) -> Diagnosis:
    selector, source, confidence, near = _expected(case, service)
    facts: dict[str, object] = {
        "namespace": service.metadata.namespace,
        "service": service.metadata.name,
        "selector": dict(service.spec.selector),
    }
    if selector is not None:
        facts |= {
            "good_selector": dict(selector),
            "selector_patch": _patch(service.spec.selector, selector),
            "source": source,
        }
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(service),
        field=FIELD,
        observed=as_text(dict(service.spec.selector)),
        expected=as_text(dict(selector)) if selector is not None else None,
        confidence=confidence,
        facts=facts | case.changed(service, FIELD),
        evidence=(*case.field_evidence(service, FIELD), *_labels(near)),
        explains=case.present(
            [
                ("SVC301", ref_of(service)),
                *relying_on(case.graph, case.findings, [service]),
            ]
        ),
        check="kubectl get pods --show-labels: are the pods this Service meant there at all?",
    )


def _expected(
    case: Case, service: Service
) -> tuple[Mapping[str, str] | None, str, float, tuple[Near, ...]]:
    """(selector, who says so, how sure, the workloads it nearly matches)."""
    near = nearest_workloads(case.graph, service)
    for good in case.known_good.service_field(service, FIELD):
        if isinstance(good.value, dict) and good.value and _matches(case, service, good.value):
            return good.value, good.source, 0.95, near
    wanted = {_as_items(_corrected(service.spec.selector, item)) for item in near}
    if len(wanted) != 1:
        return None, "", 0.5 if near else 0.35, near
    names = ", ".join(f"{item.workload.KIND} {item.workload.metadata.name}" for item in near)
    sure = 0.85 if len(near) == 1 and near[0].matched else 0.65
    return dict(next(iter(wanted))), f"the labels of {names}", sure, near


def _corrected(selector: Mapping[str, str], near: Near) -> dict[str, str]:
    """The selector with the workload's own value of each wrong key, without keys it lacks."""
    kept = {key: value for key, value in selector.items() if key not in near.wrong}
    fixed = {key: value for key, value in near.wrong.items() if value is not None}
    return kept | fixed


def _matches(case: Case, service: Service, selector: Mapping[str, str]) -> bool:
    """An earlier selector counts only if it would match something now."""
    return any(
        matches_map(selector, workload.spec.template.metadata.labels)
        for workload in case.graph.workloads_in(service.metadata.namespace)
    ) or any(
        matches_map(selector, pod.metadata.labels)
        for pod in case.graph.pods_in(service.metadata.namespace)
    )


def _patch(now: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    """The merge patch from one map to the other; null takes a key out."""
    gone = {key: None for key in sorted(now) if key not in wanted}
    return gone | {key: wanted[key] for key in sorted(wanted) if now.get(key) != wanted[key]}


def _as_items(selector: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(selector.items()))


def _labels(near: tuple[Near, ...]) -> Iterator[Evidence]:
    for item in near[:2]:
        for key in item.wrong:
            yield field_evidence(item.workload, f"spec.template.metadata.labels{quoted(key)}")
