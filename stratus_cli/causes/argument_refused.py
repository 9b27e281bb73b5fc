"""A program refuses a flag or an argument that its container gives it.

How we know: the container's log calls an option unknown, not defined or invalid, and that option
stands in the container's command or args.

Known good: command and args of an earlier revision, a recording, or what was last applied. Without
one nothing is proposed: what was meant is not known.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    complained_of,
    earlier_word,
    facts_of_container,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.log_facts import LogFact
from stratus_cli.kube.log_patterns import BAD_CONFIG
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("argument-refused", "the program refuses an argument")
CODES = ("POD101", "POD106", "POD107", "POD108")
SHORTEST = 2  # letters of an option without its dashes: one alone stands everywhere


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per word of command or args that is refused."""
    for workload, pods in complained_of(case, *CODES):
        said = facts_of_container(case, workload, BAD_CONFIG)
        for path, container in containers_of(workload.spec.template.spec):
            for field, facts in _refused(path, container, said.get(path, [])).items():
                yield _diagnosis(case, workload, pods, container.name, field, facts)


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    container: str,
    field: str,
    facts: list[LogFact],
) -> Diagnosis:
    good = earlier_word(case, workload, field)
    return wrong_setting(
        case,
        META,
        workload,
        next(iter(good.values)) if good else field,
        good=good,
        confidence=0.95 if good else 0.85,
        pods=pods,
        codes=CODES,
        container=container,
        evidence=[fact.evidence for fact in facts[:SHOWN_LINES]],
        check="the program's own --help, in the same image",
    )


def _refused(path: str, container: Container, facts: list[LogFact]) -> dict[str, list[LogFact]]:
    """The words that hold a refused option, with the lines that refuse it."""
    found: dict[str, list[LogFact]] = {}
    for fact in facts:
        option = fact.target.lstrip("-")
        if len(option) < SHORTEST:
            continue
        for name, words in (("args", container.args), ("command", container.command)):
            for index, word in enumerate(words):
                given = word.lstrip("-").partition("=")[0]
                if given == option or f"--{option}" in word.split():
                    found.setdefault(f"{path}.{name}[{index}]", []).append(fact)
    return found
