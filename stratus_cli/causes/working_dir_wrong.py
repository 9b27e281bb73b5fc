"""A container is started in a directory that its image does not have, or that it may not enter.

How we know: the runtime's own words: it cannot change to the working directory (chdir to cwd), and
the template sets workingDir.

Known good: workingDir of an earlier revision, a recording, or what was last applied; else the
image's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.causes.setting import (
    Setting,
    complained_of,
    earlier,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.pods import Part, parts
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("working-dir-wrong", "the working directory does not exist")
CODES = ("POD101", "POD103")
WORDS = re.compile(r"chdir to cwd|mkdir .{0,200}(?:cwd|working dir)", re.I)  # runc


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container that cannot enter its directory."""
    for workload, pods in complained_of(case, *CODES):
        for path, container in containers_of(workload.spec.template.spec):
            field = f"{path}.workingDir"
            failing = [
                (pod, part)
                for pod in pods
                for part in parts(pod)
                if part.spec_path == path and WORDS.search(_words(part))
            ]
            if failing and value_of(workload, field) is not None:
                yield _diagnosis(case, workload, field, container.name, failing)


def _diagnosis(
    case: Case, workload: Workload, field: str, container: str, failing: list[tuple[Pod, Part]]
) -> Diagnosis:
    good = earlier(case, workload, field)
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good or Setting({field: None}, "the image's own", known=False),
        confidence=0.97 if good else 0.9,
        pods=[pod for pod, _ in failing],
        codes=CODES,
        container=container,
        evidence=[piece for pair in failing[:SHOWN_PODS] for piece in _evidence(*pair)],
        check="does the image have this directory, and may its user enter it?",
    )


def _words(part: Part) -> str:
    return f"{part.waiting_message} {part.last_end.message if part.last_end else ''}"


def _evidence(pod: Pod, part: Part) -> Iterator[Evidence]:
    if part.last_end is not None and WORDS.search(part.last_end.message):
        yield field_evidence(pod, f"{part.end_path}.message")
    else:
        yield field_evidence(pod, f"{part.status_path}.state.waiting.message")
