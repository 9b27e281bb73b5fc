"""A namespace's PodSecurity level was raised, and refuses the pods that it used to have.

How we know: the API server says which level the pods violate; the namespace's label asks for it,
and was set after the present pod template was made. Where the template is younger than the label,
the template is what is wrong, and this cause is silent.

Known good: the label in a recording or as last applied; else no label where it was set after the
namespace was made, which is what a namespace begins with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.admission import SecurityRefusal, security_refusal
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.refused import nudges, refused
from stratus_cli.kube.workloads import holders
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects import Namespace
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("pod-security-refuses", "the namespace's PodSecurity level refuses its pods")

LABEL = "pod-security.kubernetes.io/enforce"
FIELD = f"metadata.labels{quoted(LABEL)}"
LEVELS = ("privileged", "baseline", "restricted")  # least to most strict

Blocked = list[tuple[Finding, Workload, SecurityRefusal]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per namespace."""
    blocked: dict[str, Blocked] = defaultdict(list)
    for finding, workload in refused(case.graph, case.findings):
        refusal = security_refusal(finding.message)
        if refusal is not None:
            blocked[workload.metadata.namespace].append((finding, workload, refusal))
    for name in sorted(blocked):
        space = case.graph.snap.get(Namespace, "", name)
        if space is None or LABEL not in space.metadata.labels:
            continue  # a level that is the whole cluster's is not in any object
        late = [item for item in blocked[name] if not _is_younger(case, item[1], space)]
        if late:
            yield _diagnosis(case, space, late)


def _diagnosis(case: Case, space: Namespace, blocked: Blocked) -> Diagnosis:
    change = last_change(space, FIELD)
    observed = space.metadata.labels[LABEL]
    facts: dict[str, object] = {
        "namespace": space.metadata.name,
        "level": observed,
        **nudges(case.graph, [workload for _, workload, _ in blocked]),
    }
    was_set_later = change is not None and not change.at_creation
    goods = [
        good
        for good in case.known_good.object_field(space, FIELD)
        if good.value is None or _is_laxer(good.value, observed)
    ]
    if goods and goods[0].value is not None:
        facts |= {"good_level": goods[0].value, "source": goods[0].source}
    elif goods or was_set_later:
        source = goods[0].source if goods else "the label is newer than the namespace"
        facts |= {"added_label": LABEL, "source": source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(space),
        field=FIELD,
        observed=observed,
        expected=str(facts.get("good_level", "no such label")) if "source" in facts else None,
        confidence=0.96 if goods or was_set_later else 0.7,
        facts=facts | case.changed(space, FIELD),
        evidence=(
            *case.field_evidence(space, FIELD),
            *(piece for finding, _, _ in blocked[:SHOWN_PODS] for piece in finding.evidence),
        ),
        explains=case.present(
            key
            for finding, workload, _ in blocked
            for key in (finding.key, *case.consequences(workload))
        ),
        check="was the level raised on purpose? then the pod templates have to meet it",
    )


def _is_laxer(value: object, than: str) -> bool:
    return value in LEVELS and than in LEVELS and LEVELS.index(str(value)) < LEVELS.index(than)


def _is_younger(case: Case, workload: Workload, space: Namespace) -> bool:
    """The present template came after the label: it is the template that does not fit."""
    change = last_change(space, FIELD)
    made = _template_made(case, workload)
    return change is not None and made is not None and made > change.at


def _template_made(case: Case, workload: Workload) -> datetime | None:
    holder = next(holders(case.graph, workload), None)
    found = last_change(workload, "spec.template.spec")
    if holder is not None and holder is not workload:
        return holder.metadata.creation_timestamp
    return found.at if found else workload.metadata.creation_timestamp
