"""A Job that was started lately holds or fills what others need: a store's lock, a cache, a queue.

How we know: the Job runs and calls a Service; what is behind it, or who else calls it, fails, and
their logs speak of locks, of memory or of too many requests. Without such words a Job that runs
beside a fault is only a hint, for it may well be another victim.

Known good: nothing was changed. The Job is suspended, and resumed when it does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case, Explained
from stratus_cli.kube.batch import ended, jobs_of
from stratus_cli.kube.calls import Call
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import LOCKED, OUT_OF_MEMORY, OVERLOADED
from stratus_cli.kube.pods import age_s
from stratus_cli.kube.victims import hurt
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("job-disturbs", "a Job holds or fills what others need")

LATELY_S = 3600.0  # our choice: what has run for longer without harm is not what began the trouble
SPEAKING = (LOCKED, OUT_OF_MEMORY, OVERLOADED)
SHOWN = 3


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Job, about the Service where it does most harm."""
    for job in sorted(case.graph.snap.of(Job), key=ref_of):
        if not _is_at_work(case, job):
            continue
        found = [item for call in case.graph.calls.of(ref_of(job)) for item in _harm(case, call)]
        if found:
            call, explains, said = max(found, key=lambda item: (len(item[2]), len(item[1])))
            yield _diagnosis(case, job, call, explains, said)


def _is_at_work(case: Case, job: Job) -> bool:
    """Running, young, and no run of a CronJob whose earlier runs completed beside everything."""
    if ended(job) is not None or not job.status.active or job.spec.suspend:
        return False
    if age_s(case.graph, job.status.start_time) > LATELY_S:
        return False
    owner = case.graph.controller_of(job)
    return not isinstance(owner, CronJob) or not any(
        (end := ended(other)) is not None
        and end.type == "Complete"
        and other.spec.template.spec == job.spec.template.spec
        for other in jobs_of(case.graph, owner)
    )


def _harm(case: Case, call: Call) -> Iterator[tuple[Call, Explained, tuple[LogFact, ...]]]:
    """(the call, what fails there, what the logs there say)."""
    service = case.graph.snap.find(call.callee)
    if call.absent or not isinstance(service, Service):
        return
    behind = case.graph.selected_workloads(service)
    refs = {*map(ref_of, behind), *case.graph.calls.callers(call.callee)} - {call.caller}
    said = facts_of_pods(case.graph.snap, _pods(case, refs), *SPEAKING)
    pods = {fact.pod for fact in said}
    # A caller that speaks of it may be unready for that, and not only answer errors.
    callers = [
        item
        for ref in sorted(refs)
        if isinstance(item := case.graph.snap.find(ref), Workload)
        and pods.intersection(map(ref_of, case.graph.pods_of(item)))
    ]
    explains = hurt(case.graph, case.findings, [*behind, *callers])
    if explains:
        yield call, explains, said


def _pods(case: Case, refs: set[Ref]) -> Iterator[Ref]:
    for ref in sorted(refs):
        item = case.graph.snap.find(ref)
        if isinstance(item, Workload):
            yield from (ref_of(pod) for pod in case.graph.pods_of(item))


def _diagnosis(
    case: Case, job: Job, call: Call, explains: Explained, said: tuple[LogFact, ...]
) -> Diagnosis:
    owner = case.graph.controller_of(job)
    root = ref_of(owner if isinstance(owner, CronJob) else job)
    facts: dict[str, Any] = {"namespace": root.namespace, "service": call.callee.name}
    if said:
        facts["job"] = job.metadata.name
        if isinstance(owner, CronJob):
            facts["cron_job"] = owner.metadata.name
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=root,
        field="spec.suspend",
        observed=f"at work, and calls {call.callee.name}",
        expected="suspended",
        confidence=0.85 if said else 0.35,
        facts=facts,
        evidence=(
            field_evidence(job, "status.startTime"),
            *_address(case, call),
            *(fact.evidence for fact in said[:SHOWN]),
        ),
        explains=explains,
        check=f"suspend Job {job.metadata.name}: does {call.callee.name} answer at once?",
    )


def _address(case: Case, call: Call) -> Iterator[Evidence]:
    """Where the address stands that it calls."""
    source = case.graph.snap.find(call.source)
    if source is not None and call.field:
        yield Evidence("object", call.source, call.field, as_text(read(source, call.field)))
