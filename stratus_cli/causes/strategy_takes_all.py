"""A rollout was allowed to take every pod away, and the new ones do not get ready.

How we know: the Deployment's rolling update allows all replicas to be unavailable, none is
available, and the strategy was set after the Deployment was made or differs from one that is known.
The new pods' own trouble is a cause of its own beside this one: both are to be repaired.

Known good: the strategy of a recording, or what was last applied; else Kubernetes' default of 25 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Severity
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("strategy-takes-all", "a rollout may take every pod away at once")
ROLLING = "spec.strategy.rollingUpdate"
FIELD = f"{ROLLING}.maxUnavailable"
DEFAULTS = {FIELD: "25%", f"{ROLLING}.maxSurge": "25%"}  # apps/v1, SetDefaults_Deployment


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Deployment that such a rollout has left without pods."""
    for finding in case.of_rule("WRK208"):
        workload = case.graph.snap.find(finding.ref)
        if isinstance(workload, Workload) and finding.severity >= Severity.DEGRADED:
            yield _diagnosis(case, workload)


def _diagnosis(case: Case, workload: Workload) -> Diagnosis:
    values: dict[str, Any] = {}
    source, known = "Kubernetes' default", False
    for path in DEFAULTS:
        for good in case.known_good.object_field(workload, path):
            if good.value is not None and not _all(good.value, workload):
                values[path] = good.value
                source, known = good.source, True
                break
    if FIELD not in values:
        values = dict(DEFAULTS)
    change = last_change(workload, FIELD)
    was_set = change is not None and not change.at_creation
    facts = {
        "namespace": workload.metadata.namespace,
        "kind": workload.KIND.lower(),
        "workload": workload.metadata.name,
        "source": source,
        "put_back": put_back(as_json(case.graph.snap, workload), values),
    }
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(workload),
        field=FIELD,
        observed=as_text(read(workload, FIELD)),
        expected=as_text(values[FIELD]),
        confidence=0.9 if known else 0.75 if was_set else 0.6,
        facts=facts | case.changed(workload, FIELD),
        evidence=(
            *case.field_evidence(workload, FIELD),
            field_evidence(workload, "status.availableReplicas"),
        ),
        explains=case.present([("WRK208", ref_of(workload)), ("WRK201", ref_of(workload))]),
        check="was this strategy wanted, for a workload that may be away for a while?",
    )


def _all(limit: object, workload: Workload) -> bool:
    return limit == "100%" or (isinstance(limit, int) and limit >= (workload.spec.replicas or 1))
