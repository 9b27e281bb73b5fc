"""Two containers of one pod listen on the same port: the second one cannot.

How we know: a container's log says that the address is in use, and the pod has another container
beside it (they share one network). The intruder is the container, or the setting, that the version
that worked did not have; without history, the one that neither declares nor is probed on that port.

Known good: the template of an earlier revision, a recording, or what was last applied; else the
port that the intruder itself declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    Setting,
    complained_of,
    earlier_word,
    facts_of_container,
    value_of,
    was_absent,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.log_facts import LogFact
from stratus_cli.kube.log_patterns import ADDRESS_IN_USE
from stratus_cli.kube.ports import served_ports
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("port-taken", "two containers of a pod listen on the same port")
CODES = ("POD101", "POD106", "POD108")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per pod template."""
    for workload, pods in complained_of(case, *CODES):
        spec = workload.spec.template.spec
        running = [
            (path, item)
            for path, item in containers_of(spec)
            if not path.startswith("init") or item.restart_policy == "Always"
        ]
        if len(running) < 2 or spec.host_network:
            continue  # nobody in the pod to share with, or the node's ports
        said = facts_of_container(case, workload, ADDRESS_IN_USE)
        facts = [fact for path, _ in running for fact in said.get(path, ())]
        if facts:
            yield _diagnosis(case, workload, pods, running, facts)


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    running: list[tuple[str, Container]],
    facts: list[LogFact],
) -> Diagnosis:
    port = next((int(fact.target) for fact in facts if fact.target.isdigit()), 0)
    field, good, confidence = _intruder(case, workload, running, port, facts[0].container)
    name = next(item.name for path, item in running if field.startswith(path))
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=confidence,
        pods=pods,
        codes=CODES,
        container=name,
        evidence=[fact.evidence for fact in facts[:SHOWN_LINES]],
        facts={"port": port} if port else {},
        check="which of the pod's containers listens on the port: the other one is the intruder",
    )


def _intruder(
    case: Case,
    workload: Workload,
    running: list[tuple[str, Container]],
    port: int,
    complains: str,
) -> tuple[str, Setting | None, float]:
    """(field below the pod spec, how it should be, confidence)."""
    for path, _ in running:
        added = was_absent(case, workload, path)
        if added is not None:
            return path, added, 0.95
    for path, item in running:
        for field in _settings(item, path):
            changed = earlier_word(case, workload, field)
            if changed is not None and (not port or _names(value_of(workload, field), port)):
                return field, changed, 0.93
    owners = _owners(workload, port)
    strangers = [(path, item) for path, item in running if item.name not in owners]
    if len(owners) == 1 and len(strangers) == 1:
        path, item = strangers[0]
        field, good = _own_port(workload, path, item, port)
        return field, good, 0.82
    path = next(path for path, item in running if item.name == complains)
    return path, None, 0.5


def _owners(workload: Workload, port: int) -> set[str]:
    """Containers that declare the port or are probed on it."""
    served = served_ports(workload.spec.template.spec)
    return {item.container for item in served if item.number == port}


def _own_port(
    workload: Workload, path: str, item: Container, port: int
) -> tuple[str, Setting | None]:
    """The setting of the intruder that names the port, with the port that it declares."""
    declared = [entry.container_port for entry in item.ports]
    for field in _settings(item, path):
        value = value_of(workload, field)
        if isinstance(value, str) and _names(value, port):
            if len(declared) != 1:
                return field, None
            wanted = re.sub(rf"(?<!\d){port}(?!\d)", str(declared[0]), value)
            source = f"the only port that container {item.name} declares"
            return field, Setting({field: wanted}, source, known=False)
    return path, None


def _settings(item: Container, path: str) -> Iterator[str]:
    names = [entry.name for entry in item.env]
    yield from (f"{path}.env[name={name}].value" for name in names if names.count(name) == 1)
    yield from (f"{path}.args[{index}]" for index in range(len(item.args)))
    yield from (f"{path}.command[{index}]" for index in range(len(item.command)))


def _names(value: object, port: int) -> bool:
    return isinstance(value, str) and bool(re.search(rf"(?<!\d){port}(?!\d)", value))
