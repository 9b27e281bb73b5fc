"""A container's CPU limit is lower than what it needs, so it is throttled and slow.

How we know: it is at its CPU limit or throttled in many of its periods, and something says that it
is slow. It is sure when the limit was higher before, surest when it was lowered lately.

Known good: a higher limit of an earlier revision, a recording, or what was last applied. Without
one no number is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.causes.setting import Setting, earlier, value_of, wrong_setting
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.pods import age_s
from stratus_cli.kube.quantities import amount
from stratus_cli.kube.timeline import LATER_S, template_changed_at
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("cpu-limit-too-low", "the CPU limit is too low")
CONTAINER = re.compile(r"containers\[name=([a-z0-9-]+)\]\.resources\.limits\.cpu")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container that is throttled."""
    for finding in case.of_rule("SLO004"):
        workload = case.graph.snap.find(finding.ref)
        if not isinstance(workload, Workload):
            continue
        throttled = {
            match[1]
            for piece in finding.evidence
            if (match := CONTAINER.search(piece.field)) is not None
        }
        for path, container in containers_of(workload.spec.template.spec):
            if container.name in throttled and "cpu" in container.resources.limits:
                yield _diagnosis(case, workload, path, container.name, finding)


def _diagnosis(
    case: Case, workload: Workload, path: str, container: str, finding: Finding
) -> Diagnosis:
    field = f"{path}.resources.limits.cpu"
    limit = amount(str(value_of(workload, field)))
    good = earlier(
        case,
        workload,
        field,
        lambda value: value is None or (isinstance(value, str | int) and amount(value) > limit),
    )
    lately = age_s(case.graph, template_changed_at(case.graph, workload)) <= LATER_S
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=_with_request(case, workload, path, good),
        confidence=(0.92 if lately else 0.8) if good else 0.5,
        container=container,
        evidence=finding.evidence,
        also=[("SLO004", ref_of(workload))],
        check="kubectl top pod --containers, beside the limit, while it is slow",
    )


def _with_request(
    case: Case, workload: Workload, path: str, good: Setting | None
) -> Setting | None:
    """With the earlier request, where it was lowered together with the limit."""
    if good is None:
        return None
    request = f"{path}.resources.requests.cpu"
    before = earlier(case, workload, request, lambda value: isinstance(value, str))
    return Setting({**good.values, **(before.values if before else {})}, good.source)
