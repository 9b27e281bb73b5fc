"""A container's program says that an environment variable is not set, and its template has none.

How we know: the container's log names the variable, and neither env nor an earlier entry gives it.
It is sure when an earlier revision had it. Where envFrom may have brought it, the ConfigMap or
Secret behind that may have lost the key instead: then the confidence is lower.

Known good: the variable of an earlier revision, a recording, or what was last applied; else the
value that every other container of the namespace gives to a variable of this name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    Setting,
    earlier,
    facts_of_container,
    suspects,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.log_facts import LogFact
from stratus_cli.kube.log_patterns import MISSING_VARIABLE
from stratus_cli.model.change import Json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("variable-missing", "an environment variable is missing")
CODES = ("POD101", "POD106", "POD107", "POD108")
RIVAL = 0.28  # below what is named as a root: a KeyError need not be about the environment


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container and variable."""
    for workload, pods in suspects(case, *CODES):
        said = facts_of_container(case, workload, MISSING_VARIABLE)
        for path, container in containers_of(workload.spec.template.spec):
            given = {item.name for item in container.env}
            by_name: dict[str, list[LogFact]] = {}
            for fact in said.get(path, ()):
                if fact.target and fact.target not in given:
                    by_name.setdefault(fact.target, []).append(fact)
            for name, facts in sorted(by_name.items()):
                yield _diagnosis(case, workload, pods, (path, container), name, facts)


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    where: tuple[str, Container],
    name: str,
    facts: list[LogFact],
) -> Diagnosis:
    path, container = where
    field = f"{path}.env[name={name}]"
    good = earlier(case, workload, field, _is_whole) or _of_others(case, workload, field, name)
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=_confidence(good, container, facts),
        pods=pods,
        codes=CODES,
        container=container.name,
        evidence=[fact.evidence for fact in facts[:SHOWN_LINES]],
        facts={"variable": name},
        check=f"kubectl exec POD -- printenv {name}, in a pod that works",
    )


def _is_whole(value: Json) -> bool:
    """It says where its value comes from; a source that is not decoded reads as {}."""
    return isinstance(value, Mapping) and bool(value.get("value") or value.get("valueFrom"))


def _of_others(case: Case, workload: Workload, field: str, name: str) -> Setting | None:
    values: dict[str, str] = {}
    for other in case.graph.workloads_in(workload.metadata.namespace):
        for path, container in containers_of(other.spec.template.spec):
            for item in container.env:
                if item.name == name:
                    if item.value_from is not None or not item.value or "«" in item.value:
                        return None  # theirs comes from elsewhere, or may not be shown
                    values.setdefault(item.value, f"{path} of {other.metadata.name}")
    if len(values) != 1:
        return None
    value, source = next(iter(values.items()))
    return Setting({field: {"name": name, "value": value}}, source, known=False)


def _confidence(good: Setting | None, container: Container, facts: list[LogFact]) -> float:
    if good is not None and good.known:
        return 0.94
    sure = any("env" in fact.line.lower() for fact in facts) or good is not None
    if not sure:
        return RIVAL
    if container.env_from:
        return 0.45
    return 0.84 if good else 0.7
