"""A container runs the program of another workload that shares its image.

How we know: several workloads of the namespace share one image and each is told to run a program of
its own name, in the same word of command or args; this one is told to run another's.

Known good: the words of an earlier revision, a recording, or what was last applied; else the
pattern of the siblings, with the workload's own name, as long as this template never worked.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    PREFIX,
    Setting,
    earlier_word,
    suspects,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.references import has_rolled_out
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("command-of-sibling", "the container runs another workload's program")
CODES = ("POD101", "POD106", "POD108")
SIBLINGS = 2  # one alone may be chance

Sibling = tuple[Workload, str, str]
"""(workload, field of its word at this place, the word)."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per word of command or args that names another workload's program."""
    for workload, pods in suspects(case, *CODES):
        for path, container in containers_of(workload.spec.template.spec):
            for name in ("command", "args"):
                words: tuple[str, ...] = getattr(container, name)
                for index, word in enumerate(words):
                    siblings = _telling(case, workload, container, name, index)
                    other = _other(workload, container, word, siblings)
                    field = f"{path}.{name}[{index}]"
                    if other and _may_be_wrong(case, workload, field):
                        yield _diagnosis(case, workload, pods, (field, word, other), siblings)


def _may_be_wrong(case: Case, workload: Workload, field: str) -> bool:
    """A template that once served as it is now runs the right program, whatever its name."""
    return earlier_word(case, workload, field) is not None or not has_rolled_out(workload)


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    wrong: tuple[str, str, str],
    siblings: list[Sibling],
) -> Diagnosis:
    field, word, other = wrong
    good = earlier_word(case, workload, field)
    if good is None:
        source = f"{len(siblings)} workloads of the same image, which run programs of their names"
        good = Setting({field: word.replace(other, workload.metadata.name)}, source, known=False)
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=0.95 if good.known else 0.87,
        pods=pods,
        codes=CODES,
        evidence=[
            field_evidence(sibling, PREFIX + path) for sibling, path, _ in siblings[:SHOWN_LINES]
        ],
        facts={"other": other},
        check=f"is {other} what this workload is meant to run?",
    )


def _telling(
    case: Case, workload: Workload, container: Container, name: str, index: int
) -> list[Sibling]:
    """The siblings whose word is a workload's name; none when it is not always their own.

    Stores and caches that share the image may well run programs of other names.
    """
    names = [item.metadata.name for item in case.graph.workloads_in(workload.metadata.namespace)]
    found = [
        item
        for item in _siblings(case, workload, container, name, index)
        if any(_has(item[2], other) for other in names)
    ]
    own = all(_has(word, sibling.metadata.name) for sibling, _, word in found)
    return found if own else []


def _siblings(
    case: Case, workload: Workload, container: Container, name: str, index: int
) -> list[Sibling]:
    """Those that share the image."""
    found = []
    for other in sorted(case.graph.workloads_in(workload.metadata.namespace), key=ref_of):
        for path, item in containers_of(other.spec.template.spec):
            words: tuple[str, ...] = getattr(item, name)
            same = _repository(item.image) == _repository(container.image)
            if same and ref_of(other) != ref_of(workload) and index < len(words):
                found.append((other, f"{path}.{name}[{index}]", words[index]))
    return found


def _other(
    workload: Workload,
    container: Container,
    word: str,
    siblings: list[Sibling],
) -> str:
    """The sibling's name that this word has, where each sibling's word has its own name; or ""."""
    if len(siblings) < SIBLINGS or _has(word, workload.metadata.name):
        return ""
    names = [item.metadata.name for item, _, text in siblings if _has(word, item.metadata.name)]
    return names[0] if len(names) == 1 else ""


def _has(word: str, name: str) -> bool:
    """The word is this program: its last path segment is the name, with or without an ending."""
    last = word.rstrip("/").rpartition("/")[2]
    return last == name or last.rpartition(".")[0] == name


def _repository(image: str) -> str:
    """Without tag and digest."""
    head, slash, last = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
