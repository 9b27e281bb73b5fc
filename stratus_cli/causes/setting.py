"""A wrong setting in a workload's pod template, as a Diagnosis: what causes of that kind share.

Pure. A cause finds out which field is wrong and how sure that is; what it was before, who follows
from it and what a runbook needs to put it back is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.accused import TRAFFIC, accused_by_traffic
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.left_out import means_the_same
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json, read_whole
from stratus_cli.kube.workloads import sorted_workloads
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence, Finding
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

PREFIX = "spec.template.spec."


@dataclass(frozen=True)
class Setting:
    """How fields of a pod template should be, by path below the pod spec; None removes.

    known: it has worked so, and is not a guess. source: who says so.
    """

    values: Mapping[str, Json]
    source: str
    known: bool = True


def earlier(
    case: Case, workload: Workload, path: str, accept: Callable[[Json], bool] | None = None
) -> Setting | None:
    """The best earlier value of a field below the pod spec that this test accepts."""
    for value in case.known_good.workload_field(workload, PREFIX + path):
        if means_the_same(path, value.value, value_of(workload, path)):
            continue
        if accept is None or accept(value.value):
            return Setting({path: value.value}, value.source)
    return None


def was_absent(case: Case, workload: Workload, path: str) -> Setting | None:
    """Taking the field out, where the best of its earlier states did not have it."""
    found = earlier(case, workload, path)
    return found if found is not None and found.values[path] is None else None


def earlier_word(case: Case, workload: Workload, path: str) -> Setting | None:
    """The earlier value of a variable's `.value`, or of one word of args or command.

    A variable that was not there is taken out; words are put back as the whole list, since the
    list may have had another length.
    """
    found = earlier(case, workload, path, lambda value: value is None or isinstance(value, str))
    if found is None:
        return None
    if found.values[path] is None and path.endswith("].value"):
        return Setting({path.removesuffix(".value"): None}, found.source)
    if path.endswith("]"):
        return earlier(case, workload, path.rpartition("[")[0])
    return found


def earlier_of(case: Case, workload: Workload, paths: Iterable[str]) -> Setting | None:
    """The earlier values of those fields that had another one, by the first field's source."""
    values: dict[str, Json] = {}
    source = ""
    for path in paths:
        found = earlier(case, workload, path)
        if found is not None:
            values |= found.values
            source = source or found.source
    return Setting(values, source) if values else None


def complained_of(case: Case, *codes: str) -> Iterator[tuple[Workload, tuple[Pod, ...]]]:
    """Workloads whose pods of the present template these rules complain about, with those pods."""
    for faulty in case.faulty(*codes):
        if faulty.workload is None:
            continue
        new = {ref_of(pod) for pod in case.graph.new_pods_of(faulty.workload)}
        found = {ref_of(pod): pod for pod in faulty.pods if ref_of(pod) in new}
        pods = tuple(found[ref] for ref in sorted(found))
        if pods:
            yield faulty.workload, pods


def suspects(case: Case, *codes: str) -> Iterator[tuple[Workload, tuple[Pod, ...]]]:
    """Those of `complained_of`, and with no pods the workloads that only traffic accuses."""
    seen = set()
    for workload, pods in complained_of(case, *codes):
        seen.add(ref_of(workload))
        yield workload, pods
    if not any(item.rule.startswith(TRAFFIC) for item in case.findings):
        return
    for workload in sorted_workloads(case.graph):
        if ref_of(workload) not in seen and accused_by_traffic(case.graph, case.findings, workload):
            yield workload, ()


def facts_of_container(case: Case, workload: Workload, *kinds: str) -> dict[str, list[LogFact]]:
    """What the logs of the present template's pods say, by the container's path."""
    paths = {item.name: path for path, item in containers_of(workload.spec.template.spec)}
    pods = sorted(ref_of(pod) for pod in case.graph.new_pods_of(workload))
    found: dict[str, list[LogFact]] = {}
    for fact in facts_of_pods(case.graph.snap, pods, *kinds):
        if fact.container in paths:
            found.setdefault(paths[fact.container], []).append(fact)
    return found


def wrong_setting(
    case: Case,
    meta: CauseMeta,
    workload: Workload,
    path: str,
    *,
    good: Setting | None,
    confidence: float,
    check: str,
    pods: Iterable[Pod] = (),
    codes: Iterable[str] = (),
    container: str = "",
    evidence: Iterable[Evidence] = (),
    also: Iterable[tuple[str, Ref]] = (),
    facts: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """The diagnosis. path: of the wrong field below the pod spec.

    It explains what `codes` say of `pods`, `also`, and what follows from both.
    """
    field = PREFIX + path
    shown = tuple(pods)
    faulty = Faulty(workload, workload.spec.template.spec, PREFIX, shown, ())
    more: dict[str, Any] = {**(facts or {})}
    if container:
        more["container"] = container
    found = case.facts(faulty, field, **more)
    if good is not None:
        found |= {"source": good.source} | _patch(case, workload, good)
    if good is None or not good.known:
        found.pop("good_revision", None)
    wanted = list(codes)
    keys = [(code, ref_of(pod)) for pod in shown for code in wanted]
    traffic: tuple[Finding, ...] = accused_by_traffic(case.graph, case.findings, workload)
    return Diagnosis(
        cause=meta.id,
        title=meta.title,
        root=ref_of(workload),
        field=field,
        observed=as_text(read_whole(case.graph.snap, workload, field)),
        expected=_expected(good, path),
        confidence=confidence,
        facts=found | case.changed(workload, field),
        evidence=(*case.field_evidence(workload, field), *evidence),
        explains=case.present(
            [*keys, *also, *(item.key for item in traffic), *case.consequences(workload)]
        ),
        check=check,
    )


def shown_of(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """As many pods as evidence is shown of."""
    return tuple(pods)[:SHOWN_PODS]


def value_of(workload: Workload, path: str) -> Json:
    """A field below the pod spec, None when it is not set."""
    value = read(workload, PREFIX + path)
    return None if value is ABSENT else value


def _patch(case: Case, workload: Workload, good: Setting) -> dict[str, Any]:
    values = {PREFIX + path: value for path, value in good.values.items()}
    try:
        patch = put_back(as_json(case.graph.snap, workload), values)
    except ValueError:  # an element that is gone altogether: only the rollback is left
        return {}
    return {"put_back": patch} if patch else {}


def _expected(good: Setting | None, path: str) -> str | None:
    if good is None:
        return None
    if path in good.values:
        value = good.values[path]
        return "(absent)" if value is None else as_text(value)
    if any(path.startswith(name) and value is None for name, value in good.values.items()):
        return "(absent)"  # with all that it is part of
    inside = {name.removeprefix(path).lstrip("."): value for name, value in good.values.items()}
    return as_text(inside)
