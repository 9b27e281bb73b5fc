"""A container's program does not take the value of an environment variable.

How we know: the container ends or does not become ready, and a line of its log names one of its own
variables in words of refusal: invalid, must be, not a number, cannot parse, unknown.

Known good: the variable of an earlier revision, a recording, or what was last applied. Without one
nothing is proposed: what was meant is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import complained_of, earlier_word, value_of, wrong_setting
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import log_evidence
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("variable-invalid", "the program does not take a variable's value")
CODES = ("POD101", "POD106", "POD107", "POD108")
SHORTEST = 3  # letters of a name that is looked for in lines
LONGEST = 1000  # of a line
RIVAL = 0.28  # below what is named as a root: the line may be about what the variable leads to

REFUSED = re.compile(
    r"\b(?:invalid|illegal|bad|malformed|unsupported|unknown|unrecogni[sz]ed|must be|"
    r"must not|should be|not an? |not one of|cannot parse|can't parse|could not parse|"
    r"failed to parse|unable to parse|parse error|out of range)\b",
    re.I,
)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container and variable."""
    for workload, pods in complained_of(case, *CODES):
        for path, container in containers_of(workload.spec.template.spec):
            for name, evidence in _refused(case, workload, container).items():
                yield _diagnosis(case, workload, pods, (path, container), name, evidence)


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    where: tuple[str, Container],
    name: str,
    evidence: list[Evidence],
) -> Diagnosis:
    path, container = where
    field = f"{path}.env[name={name}].value"
    good = earlier_word(case, workload, field)
    return wrong_setting(
        case,
        META,
        workload,
        next(iter(good.values)) if good else field,
        good=good,
        confidence=0.95 if good else 0.75 if _is_quoted(workload, field, evidence) else RIVAL,
        pods=pods,
        codes=CODES,
        container=container.name,
        evidence=evidence[:SHOWN_LINES],
        facts={"variable": name},
        check=f"what does the program take for {name}?",
    )


def _is_quoted(workload: Workload, field: str, evidence: list[Evidence]) -> bool:
    """A line shows the very value that it refuses."""
    value = str(value_of(workload, field) or "")
    return bool(value) and any(value in piece.value for piece in evidence)


def _refused(case: Case, workload: Workload, container: Container) -> dict[str, list[Evidence]]:
    """Variables with a literal value that a line refuses, with those lines."""
    names = [item.name for item in container.env]
    literal = [
        item.name
        for item in container.env
        if item.value and names.count(item.name) == 1 and len(item.name) >= SHORTEST
    ]
    pods = {ref_of(pod) for pod in case.graph.new_pods_of(workload)}
    found: dict[str, list[Evidence]] = {}
    for tail in case.graph.snap.signals.logs:
        if tail.pod not in pods or tail.container != container.name:
            continue
        for line in tail.lines:
            if REFUSED.search(line[:LONGEST]):
                for name in literal:
                    if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line[:LONGEST]):
                        piece = log_evidence(
                            tail.pod, container.name, previous=tail.previous, line=line
                        )
                        found.setdefault(name, []).append(piece)
    return found
