"""A program is told to use more memory than its container may have, or to collect garbage too late.

How we know: the container is killed for memory under a limit that has not changed, and a setting of
its runtime (a JVM's -Xmx, Node's --max-old-space-size, Go's GOMEMLIMIT or GOGC) was changed, or
allows a heap as large as the whole limit.

Known good: the setting of an earlier revision, a recording, or what was last applied. Without one
no number is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.causes.setting import (
    Setting,
    complained_of,
    earlier,
    earlier_word,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.pods import Part, parts
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("heap-exceeds-limit", "the program's heap setting does not fit its memory limit")
CODES = ("POD101", "POD106")

SIZES = re.compile(
    r"-Xmx(?P<jvm>\d{1,12}[kmgt]?)\b|--max[-_]old[-_]space[-_]size[= ](?P<node>\d{1,9})", re.I
)
COLLECTORS = re.compile(
    r"(?:^|_)(?:GOGC|GC|GOMEMLIMIT|HEAP|MEM|MEMORY|JAVA|JVM|JDK|XMX|XMS|ARENA|GARBAGE)(?:_|$)"
    r"|^NODE_OPTIONS$|^(?:DOTNET|COMPlus)_GC",
    re.I,
)
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container killed for memory whose runtime is told too much."""
    for workload, pods in complained_of(case, *CODES):
        for path, container in containers_of(workload.spec.template.spec):
            killed = [
                (pod, part)
                for pod in pods
                for part in parts(pod)
                if part.spec_path == path and part.last_end and part.last_end.reason == "OOMKilled"
            ]
            limit = f"{path}.resources.limits.memory"
            if killed and earlier(case, workload, limit) is None:
                found = _setting(case, workload, path, container)
                if found is not None:
                    yield _diagnosis(case, workload, path, killed, found)


def _diagnosis(
    case: Case,
    workload: Workload,
    path: str,
    killed: list[tuple[Pod, Part]],
    found: tuple[str, Setting | None],
) -> Diagnosis:
    field, good = found
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=0.96 if good else 0.85,
        pods=[pod for pod, _ in killed],
        codes=CODES,
        container=killed[0][1].status.name,
        evidence=[
            field_evidence(workload, f"spec.template.spec.{path}.resources.limits.memory"),
            *(field_evidence(pod, f"{part.end_path}.reason") for pod, part in killed[:SHOWN_PODS]),
        ],
        check="the heap's own figures (jstat, process.memoryUsage, expvar) beside the limit",
    )


def _setting(
    case: Case, workload: Workload, path: str, container: Container
) -> tuple[str, Setting | None] | None:
    """The setting that was changed, or that allows the whole limit; None when there is none."""
    limit = container.resources.limits.get("memory")
    fields = list(_fields(container, path))
    for field, name in fields:
        good = earlier_word(case, workload, field)
        if good is not None and (
            COLLECTORS.match(name) or heap_bytes(name, _text(workload, field))
        ):
            # A variable that was not there is taken out as a whole.
            return next(iter(good.values)), good
    for field, name in fields:
        size = heap_bytes(name, _text(workload, field))
        if size is not None and limit is not None and size >= _amount(limit):
            return field, None
    return None


def heap_bytes(name: str, value: str) -> Decimal | None:
    """The heap that a variable or word allows, in bytes; None when it says nothing of it."""
    if name == "GOMEMLIMIT":
        match = re.fullmatch(r"(\d{1,15})(B|[KMGT]iB)?", value)
        if match is None:
            return None
        return Decimal(match[1]) * UNITS[(match[2] or "B")[0].lower().replace("b", "")]
    match = SIZES.search(value)
    if match is None:
        return None
    if match["node"]:
        return Decimal(match["node"]) * UNITS["m"]
    text = match["jvm"].lower()
    unit = text[-1] if text[-1] in UNITS else ""
    return Decimal(text.removesuffix(unit)) * UNITS[unit]


def _fields(container: Container, path: str) -> Iterator[tuple[str, str]]:
    """(field, name of the variable or "")."""
    names = [item.name for item in container.env]
    yield from (
        (f"{path}.env[name={name}].value", name) for name in names if names.count(name) == 1
    )
    yield from ((f"{path}.args[{index}]", "") for index in range(len(container.args)))
    yield from ((f"{path}.command[{index}]", "") for index in range(len(container.command)))


def _text(workload: Workload, field: str) -> str:
    value = value_of(workload, field)
    return value if isinstance(value, str) else ""


def _amount(limit: str) -> Decimal:
    try:
        return parse_quantity(limit)
    except ValueError:
        return Decimal("Infinity")
