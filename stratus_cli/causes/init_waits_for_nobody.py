"""An init container waits for a host that does not exist, so the pod never starts.

How we know: it runs on, or keeps ending, while its command, args or env name a host that can only
be a Service's and no such Service exists; surer when its log says that the name does not resolve.

Known good: the template of an earlier revision, a recording, or what was last applied, without this
container or with another host; else the one Service whose name is nearly the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    Setting,
    complained_of,
    earlier_word,
    facts_of_container,
    was_absent,
    wrong_setting,
)
from stratus_cli.kube.called import Called, containers_of
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.log_facts import LogFact
from stratus_cli.kube.log_patterns import UNRESOLVED
from stratus_cli.kube.pods import parts
from stratus_cli.kube.spelling import nearly
from stratus_cli.kube.waited_for import nobody
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("init-waits-for-nobody", "an init container waits for a host that does not exist")
CODES = ("POD109", "POD107", "POD101")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per init container and host."""
    for workload, pods in complained_of(case, *CODES):
        said = facts_of_container(case, workload, UNRESOLVED)
        for path, container in containers_of(workload.spec.template.spec):
            if not path.startswith("init") or not _holds_up(pods, path):
                continue
            for item in nobody(case.graph, workload.metadata.namespace, container, path):
                facts = [fact for fact in said.get(path, ()) if fact.target == item.host]
                yield _diagnosis(case, workload, pods, path, item, facts)


def _holds_up(pods: tuple[Pod, ...], path: str) -> bool:
    """The init container has not come to its end in any of these pods."""
    return any(
        part.spec_path == path
        and not (part.status.state.terminated and not part.status.state.terminated.exit_code)
        for pod in pods
        for part in parts(pod)
    )


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    path: str,
    item: Called,
    facts: list[LogFact],
) -> Diagnosis:
    namespace = workload.metadata.namespace
    field, good = _good(case, workload, path, item)
    confidence = 0.95 if good and good.known else 0.78 if good else 0.62
    found = wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=confidence,
        pods=pods,
        codes=CODES,
        container=path.rpartition("=")[2].rstrip("]"),
        evidence=[
            absent_evidence(Ref("Service", namespace, item.host.partition(".")[0], "v1")),
            *_running(pods[0], path),
            *(fact.evidence for fact in facts[:SHOWN_LINES]),
        ],
        facts={"host": item.host},
        check=f"kubectl get service {item.host}: was it deleted, or is the name wrong?",
    )
    calls_it = case.present([("SVC303", ref_of(workload))])
    return replace(found, explains=(*found.explains, *calls_it))


def _good(case: Case, workload: Workload, path: str, item: Called) -> tuple[str, Setting | None]:
    """(field below the pod spec, how it should be)."""
    removed = was_absent(case, workload, path)
    if removed is not None:
        return path, removed
    changed = earlier_word(case, workload, item.field)
    if changed is not None:
        return item.field, changed
    names = [
        service.metadata.name
        for service in case.graph.services_in(workload.metadata.namespace)
        if not item.port or item.port in {port.port for port in service.spec.ports}
    ]
    near = nearly(item.host.partition(".")[0], names)
    if len(near) == 1 and item.where != (0, 0):
        _, dot, rest = item.host.partition(".")
        source = f"Service {near[0]}, whose name is nearly the same"
        return item.field, Setting(
            {item.field: item.with_host(near[0] + dot + rest)}, source, known=False
        )
    return item.field, None


def _running(pod: Pod, path: str) -> Iterator[Evidence]:
    for part in parts(pod):
        if part.spec_path == path and part.status.state.running is not None:
            yield field_evidence(pod, f"{part.status_path}.state.running.startedAt")
