"""A variable stands twice in a container's env, and the value that counts is the wrong one.

How we know: two entries of one name with different values. kubelet lets the last one count, and
that one is not what the version that worked had, or it is an address that no Service answers while
the other entry's is answered.

Known good: the effective value of an earlier revision, a recording, or what was last applied; else
the entry whose address a Service answers, where the other's has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import PREFIX, earlier, facts_of_container, wrong_setting
from stratus_cli.kube.accused import failing_pods
from stratus_cli.kube.called import addresses, answer, containers_of
from stratus_cli.kube.env_twice import twice
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import read
from stratus_cli.kube.graph import revision_of
from stratus_cli.kube.known_good import MASK
from stratus_cli.kube.log_patterns import CONNECTION
from stratus_cli.kube.revisions import believable_revisions
from stratus_cli.kube.whole import read_whole
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container
from stratus_cli.model.objects_workload import Deployment, Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("env-shadowed", "a second entry of a variable hides the right one")
CODES = ("POD101", "POD106", "POD107", "POD108")

Good = tuple[str, str, bool]
"""(value, who says so, whether it worked)."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per variable."""
    for finding in case.of_rule("WRK207"):
        workload = case.graph.snap.find(finding.ref)
        if not isinstance(workload, Workload):
            continue
        for path, container in containers_of(workload.spec.template.spec):
            for name, places in twice(container):
                good = _good(case, workload, path, container, name, places)
                if good is None or good[0] != container.env[places[-1]].value:
                    yield _diagnosis(case, workload, path, container, places, good)


def _diagnosis(
    case: Case,
    workload: Workload,
    path: str,
    container: Container,
    places: tuple[int, ...],
    good: Good | None,
) -> Diagnosis:
    counts = places[-1]
    facts: dict[str, Any] = {"variable": container.env[counts].name}
    if good is not None:
        facts |= {"source": good[1], "put_back": _patch(case, workload, path, places, good[0])}
    revision = case.known_good.revision(workload, f"{PREFIX}{path}.env")
    said = facts_of_container(case, workload, *CONNECTION).get(path, [])
    made = wrong_setting(
        case,
        META,
        workload,
        f"{path}.env[{counts}].value",
        good=None,
        confidence=0.4 if good is None else 0.94 if good[2] else 0.85,
        pods=failing_pods(case.graph, case.findings, workload, *CODES),
        codes=CODES,
        container=container.name,
        evidence=[
            *(
                field_evidence(workload, f"{PREFIX}{path}.env[{index}].value")
                for index in places[:-1]
            ),
            *(fact.evidence for fact in said[:SHOWN_LINES]),
        ],
        also=[("WRK207", ref_of(workload))],
        facts=facts,
        check=f"kubectl exec POD -- printenv {container.env[counts].name}",
    )
    if good is None:
        return made
    back = {"good_revision": revision} if good[2] and revision is not None else {}
    return replace(made, expected=good[0], facts={**made.facts, **back})


def _good(
    case: Case,
    workload: Workload,
    path: str,
    container: Container,
    name: str,
    places: tuple[int, ...],
) -> Good | None:
    before = _before(case, workload, path, name)
    if before is not None:
        return before
    values = [container.env[index].value for index in places]
    answered = [value for value in values if _is_answered(case, workload, value)]
    if len(set(answered)) == 1 and len(answered) < len(values):
        return answered[0], "the entry whose address a Service answers", False
    return None


def _before(case: Case, workload: Workload, path: str, name: str) -> Good | None:
    """Its only value in a version that worked. History is asked where env holds a masked value."""
    found = earlier(case, workload, f"{path}.env", lambda value: _once(value, name))
    if found is not None:
        entry = next(item for item in found.values[f"{path}.env"] if item.get("name") == name)
        if isinstance(entry.get("value"), str):
            return entry["value"], found.source, True
    if not isinstance(workload, Deployment):
        return None
    for old in believable_revisions(case.graph, workload):
        env = read(old, f"{PREFIX}{path}.env")
        value = read(old, f"{PREFIX}{path}.env[name={name}].value")
        if _once(env, name) and isinstance(value, str) and MASK not in value:
            return value, f"ReplicaSet {old.metadata.name} revision {revision_of(old)}", True
    return None


def _once(value: object, name: str) -> bool:
    return isinstance(value, Sequence) and (
        sum(isinstance(item, Mapping) and item.get("name") == name for item in value) == 1
    )


def _is_answered(case: Case, workload: Workload, value: str) -> bool:
    found = list(addresses(value, ""))
    namespace = workload.metadata.namespace
    return bool(found) and all(answer(case.graph, namespace, item) == "served" for item in found)


def _patch(
    case: Case, workload: Workload, path: str, places: tuple[int, ...], value: str
) -> list[dict[str, Any]]:
    """One entry with this value is left: JSON Patch, last position first, each tested by value."""
    spec = workload.spec.template.spec
    containers = spec.init_containers if path.startswith("init") else spec.containers
    kind = "initContainers" if path.startswith("init") else "containers"
    index = next(
        index for index, item in enumerate(containers) if path == f"{kind}[name={item.name}]"
    )
    pointer = f"/spec/template/spec/{kind}/{index}/env"
    entries = {
        place: read_whole(case.graph.snap, workload, f"{PREFIX}{path}.env[{place}]")
        for place in places
    }
    operations: list[dict[str, Any]] = [
        {
            "op": "test",
            "path": f"{pointer}/{place}/name",
            "value": containers[index].env[place].name,
        }
        for place in places
    ]
    kept = next(
        (
            place
            for place in places
            if isinstance(entries[place], Mapping) and entries[place].get("value") == value
        ),
        None,
    )
    if kept is None:
        kept = places[0]
        entry = {"name": containers[index].env[kept].name, "value": value}
        operations.append({"op": "replace", "path": f"{pointer}/{kept}", "value": entry})
    operations.extend(
        {"op": "remove", "path": f"{pointer}/{place}"}
        for place in reversed(places)
        if place != kept
    )
    return operations
