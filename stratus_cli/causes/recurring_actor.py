"""A CronJob puts a bad value into another object again and again.

How we know: what rests on the object fails, the object was written when a run was due, and the
CronJob's program names it and may write to it. What the value did is another root of the same
incident: the actor is stopped first, else the repair holds until the next run.

Known good: the CronJob's own command in a recording or as last applied; else it is suspended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.actors import Actor, actors, failing_targets
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_batch import CronJob
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("recurring-actor", "a CronJob puts a bad value back again and again")

LONGEST = 200  # characters of a value shown


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per CronJob that writes to workloads that fail."""
    found: dict[Ref, list[tuple[Actor, tuple[Workload, ...]]]] = {}
    if case.of_rule("BAT904"):
        for target, victims in failing_targets(case.graph):
            for actor in actors(case.graph, target):
                found.setdefault(ref_of(actor.cron_job), []).append((actor, victims))
    for ref in sorted(found):
        yield _diagnosis(case, found[ref][0][0].cron_job, found[ref])


def _follows(
    case: Case, written: list[tuple[Actor, tuple[Workload, ...]]]
) -> Iterator[tuple[str, Ref]]:
    for actor, victims in written:
        yield from case.present((code, ref_of(actor.target)) for code in ("BAT904", "SVC301"))
        for workload in victims:
            yield from case.consequences(workload)


def _diagnosis(
    case: Case, cron_job: CronJob, written: list[tuple[Actor, tuple[Workload, ...]]]
) -> Diagnosis:
    actor, ref = written[0][0], ref_of(cron_job)
    facts: dict[str, Any] = {"namespace": ref.namespace, "cron_job": ref.name}
    good = case.known_good.object_field(cron_job, actor.place)
    if good and good[0].value is not None:
        facts["patch"] = put_back(as_json(case.graph.snap, cron_job), {actor.place: good[0].value})
        facts["source"] = good[0].source
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=actor.place,
        observed=as_text(read(cron_job, actor.place))[:LONGEST],
        expected=as_text(good[0].value)[:LONGEST] if good else "suspended",
        # Above what the value did to the workload: it is stopped first.
        confidence=0.97 if all(item.permitted for item, _ in written) else 0.8,
        facts=facts | {"written": f"{', '.join(actor.fields[:3])} by {actor.manager or 'it'}"},
        evidence=(
            *case.field_evidence(cron_job, actor.place),
            *case.field_evidence(cron_job, "spec.schedule"),
        ),
        explains=tuple(dict.fromkeys(_follows(case, written))),
        check=f"suspend {ref.name} and repair what it writes: does it hold past the next run?",
    )
