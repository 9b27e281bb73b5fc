"""A field of a CronJob keeps it from running: suspended, a day that never comes, too short a delay.

How we know: it is suspended since lately, its schedule never comes due, or it may start no later
than ten seconds, which is how often the controller looks (Kubernetes docs, "CronJob limitations").

Known good: the field in a recording or as last applied. What was not suspended is resumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.batch import schedule_of
from stratus_cli.kube.cron import schedule
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import Json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_batch import CronJob
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("cronjob-not-run", "a field of the CronJob keeps it from running")

SHORTEST_S = 10
SUSPEND, SCHEDULE, DEADLINE = "spec.suspend", "spec.schedule", "spec.startingDeadlineSeconds"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per CronJob with such a field."""
    for finding in case.of_rule("BAT903"):
        item = case.graph.snap.find(finding.ref)
        if isinstance(item, CronJob):
            yield from _of(case, item, finding)


def _of(case: Case, item: CronJob, finding: Finding) -> Iterator[Diagnosis]:
    due = schedule_of(item)
    limit = item.spec.starting_deadline_seconds
    if item.spec.suspend:
        yield _diagnosis(case, item, SUSPEND, finding, 0.6)
    elif due is not None and due.after(case.graph.snap.taken_at) is None:
        yield _diagnosis(case, item, SCHEDULE, finding, 0.85)
    elif limit is not None and limit < SHORTEST_S:
        yield _diagnosis(case, item, DEADLINE, finding, 0.8)


def _diagnosis(case: Case, item: CronJob, field: str, finding: Finding, sure: float) -> Diagnosis:
    ref = ref_of(item)
    facts: dict[str, Any] = {"namespace": ref.namespace, "cron_job": ref.name}
    good = [known for known in case.known_good.object_field(item, field) if _works(field, known)]
    value: Json = good[0].value if good else None
    if good or field != SCHEDULE:
        # Not set is what the server takes as well: not suspended, no limit.
        value = False if field == SUSPEND else value
        facts["patch"] = put_back(as_json(case.graph.snap, item), {field: value})
        facts["source"] = good[0].source if good else "the default of Kubernetes"
    expected = None if field == SCHEDULE and not good else as_text(value)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=field,
        observed=as_text(read(item, field)),
        expected="not set" if expected == "null" else expected,
        confidence=min(sure + 0.15, 0.95) if good else sure,
        facts=facts | case.changed(item, field),
        evidence=(*case.field_evidence(item, field), *finding.evidence),
        explains=(finding.key,),
        check=f"kubectl describe cronjob {ref.name}: who set {field}, and was it meant?",
    )


def _works(field: str, known: Any) -> bool:  # noqa: ANN401  # KnownGood; its value is JSON
    if field == SCHEDULE:
        return isinstance(known.value, str) and schedule(known.value) is not None
    if field == DEADLINE:
        return known.value is None or (isinstance(known.value, int) and known.value >= SHORTEST_S)
    return known.value in (None, False)
