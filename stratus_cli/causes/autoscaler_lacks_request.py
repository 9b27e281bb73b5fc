"""An autoscaler works with a share of a request that a container does not set.

How we know: the autoscaler says for which resource the request is missing, and containers of its
target's template set neither that request nor a limit that it would be taken from.

Known good: the request of an earlier revision, a recording, or what was last applied; else what the
same image asks for elsewhere in the namespace. Without any of these nothing says how much.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.autoscalers import MISSING_REQUEST, target_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import quoted, read
from stratus_cli.kube.known_good import current_revision
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_pod import Container
from stratus_cli.model.objects_workload import HorizontalPodAutoscaler, Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("autoscaler-lacks-request", "an autoscaler needs a request that is not set")
SPEC = "spec.template.spec"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per target of a blind autoscaler."""
    for finding in case.of_rule("STO611"):
        scaler = case.graph.snap.find(finding.ref)
        said = MISSING_REQUEST.search(finding.message)
        if said is None or not isinstance(scaler, HorizontalPodAutoscaler):
            continue
        target = target_of(case.graph, scaler)
        if target is None:
            continue
        resource = said.group(1)
        lacking = _lacking(target, resource, said.group(2))
        if lacking:
            yield _diagnosis(case, scaler, target, finding, resource, lacking)


def _lacking(target: Workload, resource: str, named: str | None) -> tuple[Container, ...]:
    """The containers without it, the one that the autoscaler names first."""
    found = [
        container
        for container in target.spec.template.spec.containers
        if resource not in container.resources.requests
        and resource not in container.resources.limits
    ]
    return tuple(sorted(found, key=lambda item: item.name != named))


def _diagnosis(
    case: Case,
    scaler: HorizontalPodAutoscaler,
    target: Workload,
    finding: Finding,
    resource: str,
    lacking: tuple[Container, ...],
) -> Diagnosis:
    fields = {item.name: _field(item.name, resource) for item in lacking}
    good = {item.name: _good(case, target, item, resource) for item in lacking}
    field = fields[lacking[0].name]
    facts: dict[str, Any] = {
        "namespace": target.metadata.namespace,
        "kind": target.KIND.lower(),
        "workload": target.metadata.name,
        "autoscaler": scaler.metadata.name,
        "resource": resource,
    }
    amounts = {name: value for name, value in good.items() if value is not None}
    if len(amounts) == len(lacking):
        facts["containers"] = [
            {"name": name, "resources": {"requests": {resource: value[0]}}}
            for name, value in amounts.items()
        ]
        facts["source"] = amounts[lacking[0].name][1]
    revision = case.known_good.revision(target, field)
    if revision is not None and revision != current_revision(case.graph, target):
        facts["good_revision"] = revision
    first = good[lacking[0].name]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(target),
        field=field,
        observed="(absent)",
        expected=first[0] if first else None,
        confidence=0.96 if first else 0.9,
        facts=facts | case.changed(target, field),
        evidence=(
            *finding.evidence,
            *(field_evidence(target, path) for path in fields.values()),
        ),
        explains=case.present((finding.key,)),
        check=f"kubectl -n {target.metadata.namespace} describe hpa {scaler.metadata.name}",
    )


def _field(container: str, resource: str) -> str:
    tail = f".{resource}" if resource.isalnum() else quoted(resource)
    return f"{SPEC}.containers[name={container}].resources.requests{tail}"


def _good(
    case: Case, target: Workload, container: Container, resource: str
) -> tuple[str, str] | None:
    """(request, who says so)."""
    for value in case.known_good.workload_field(target, _field(container.name, resource)):
        if isinstance(value.value, str):
            return value.value, value.source
    for other in sorted(
        case.graph.workloads_in(target.metadata.namespace), key=lambda item: str(ref_of(item))
    ):
        for one in other.spec.template.spec.containers:
            text = read(one, f"resources.requests{quoted(resource)}")
            if one.image == container.image and isinstance(text, str):
                name = f"{other.KIND} {other.metadata.name}"
                return text, f"{name} asks for this with the same image"
    return None
