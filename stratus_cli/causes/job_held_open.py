"""A container that never ends by itself keeps a Job's pod, and so the Job, from completing.

How we know: the other containers of the pod ended with 0 and it runs on, in Job after Job. As a
native sidecar (an init container with restartPolicy Always) it would be stopped with the work.

Known good: the CronJob's template without that container, in a recording or as last applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.batch import HeldOpen, ended, held_open, jobs_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("job-held-open", "a container that never ends keeps the Job from completing")

TEMPLATE = "spec.jobTemplate.spec.template.spec."
POINTER = "/spec/jobTemplate/spec/template/spec"
NATIVE = "an init container with restartPolicy Always"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container that holds the Jobs of one owner open."""
    for finding in case.of_rule("BAT901"):
        owner = case.graph.snap.find(finding.ref)
        if not isinstance(owner, CronJob | Job):
            continue
        jobs = jobs_of(case.graph, owner) if isinstance(owner, CronJob) else (owner,)
        held = [item for job in jobs for item in held_open(case.graph, job)]
        for name in sorted({part.status.name for item in held for part in item.holding}):
            found = [it for it in held if name in {part.status.name for part in it.holding}]
            yield _diagnosis(case, owner, name, found, finding)


def _diagnosis(
    case: Case, owner: CronJob | Job, name: str, held: list[HeldOpen], finding: Finding
) -> Diagnosis:
    prefix = TEMPLATE if isinstance(owner, CronJob) else "spec.template.spec."
    field = f"{prefix}containers[name={name}]"
    facts: dict[str, Any] = {"namespace": owner.metadata.namespace, "container": name}
    source = ""
    if isinstance(owner, CronJob):
        facts["cron_job"] = owner.metadata.name
        patches, source = _patches(case, owner, name)
        facts |= patches
        open_jobs = [job for job in jobs_of(case.graph, owner) if ended(job) is None]
        if owner.spec.concurrency_policy == "Forbid" and len(open_jobs) == 1:
            facts["blocking_job"] = open_jobs[0].metadata.name
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(owner),
        field=field,
        observed=as_text(read(owner, f"{field}.image")),
        expected=f"{NATIVE}, or absent as in the {source}" if source else NATIVE,
        confidence=0.95 if len({item.job.metadata.name for item in held}) > 1 else 0.85,
        facts=facts | case.changed(owner, field),
        evidence=(
            *case.field_evidence(owner, f"{field}.image"),
            *(
                piece
                for item in held[:SHOWN_PODS]
                for part in item.holding
                if part.status.name == name
                for piece in (
                    field_evidence(item.pod, f"{part.status_path}.state.running.startedAt"),
                    field_evidence(item.pod, f"{item.done[0].status_path}.state.terminated.reason"),
                )
            ),
        ),
        explains=(finding.key, *case.present([("BAT903", ref_of(owner))])),
        check=f"does {name} end when the work ends? A completed run of the past would show it",
    )


def _patches(case: Case, owner: CronJob, name: str) -> tuple[dict[str, Any], str]:
    """JSON patches that make it a native sidecar, or take it away where it was not there before."""
    spec = as_json(case.graph.snap, owner)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    names = [item.get("name") for item in spec["containers"]]
    if name not in names or len(names) == 1:
        return {}, ""
    place = f"{POINTER}/containers/{names.index(name)}"
    guard: dict[str, Any] = {"op": "test", "path": f"{place}/name", "value": name}
    native = {**spec["containers"][names.index(name)], "restartPolicy": "Always"}
    init: dict[str, Any] = {"op": "add", "path": f"{POINTER}/initContainers", "value": [native]}
    if spec.get("initContainers"):
        init = {"op": "add", "path": f"{POINTER}/initContainers/-", "value": native}
    remove = {"op": "remove", "path": place}
    facts: dict[str, Any] = {"native": [guard, remove, init]}
    for version in case.known_good.versions(owner):
        path = f"{TEMPLATE}containers[name={name}]"
        if read(version.item, path) is ABSENT and read(version.item, TEMPLATE[:-1]) is not ABSENT:
            return {**facts, "without": [guard, remove], "source": version.source}, version.source
    return facts, ""
