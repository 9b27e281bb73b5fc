"""A new image starts and then fails, where the image before it worked.

How we know: the image differs from the one of the revision that worked, the container starts and
ends by itself, never becomes ready, or is accused by its traffic, and nothing else that it is told
has changed with the image. With other changes beside it the confidence is lower.

Known good: the image of an earlier revision, a recording, or what was last applied.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.causes.setting import (
    Setting,
    complained_of,
    earlier,
    suspects,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import read
from stratus_cli.kube.pods import IMAGE_REASONS, START_REASONS, Part, age_s, crash_evidence, parts
from stratus_cli.kube.timeline import SOON_S, began, precedes, template_changed_at
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("image-regressed", "the new image fails where the one before it worked")
CODES = ("POD101", "POD106", "POD108")
WITH_OTHERS = 0.6
RIVAL = 0.25  # the image served for long before the failure began
BESIDE = ("command", "args", "env", "envFrom", "workingDir", "securityContext")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container whose image was changed and that fails since."""
    crashing = {id(workload) for workload, _ in complained_of(case, *CODES)}
    for workload, pods in suspects(case, *CODES):
        for path, container in containers_of(workload.spec.template.spec):
            good = earlier(case, workload, f"{path}.image", lambda value: isinstance(value, str))
            if good is None:
                continue
            failing = [(pod, part) for pod in pods for part in parts(pod) if part.spec_path == path]
            failing = [pair for pair in failing if _fails_by_itself(case, *pair)]
            if failing or (id(workload) not in crashing and not path.startswith("init")):
                yield _diagnosis(case, workload, path, container.name, good, failing)


def _fails_by_itself(case: Case, pod: Pod, part: Part) -> bool:
    """The image was pulled and its program started; it was not ended for memory."""
    if part.waiting in IMAGE_REASONS | START_REASONS or part.last_end is None:
        return (
            part.waiting not in IMAGE_REASONS | START_REASONS
            and part.status.state.running is not None
            and not part.status.ready
        )
    end = part.last_end
    if end.reason in START_REASONS or "oom" in f"{end.reason} {end.message}".lower():
        return False
    return crash_evidence(case.graph, part) or not part.status.ready


def _diagnosis(
    case: Case,
    workload: Workload,
    path: str,
    container: str,
    good: Setting,
    failing: list[tuple[Pod, Part]],
) -> Diagnosis:
    confidence = _confidence(case, workload, failing)
    beside = [name for name in BESIDE if earlier(case, workload, f"{path}.{name}") is not None]
    return wrong_setting(
        case,
        META,
        workload,
        f"{path}.image",
        good=good,
        confidence=min(confidence, WITH_OTHERS) if beside else confidence,
        pods=[pod for pod, _ in failing],
        codes=CODES,
        container=container,
        evidence=[piece for pair in failing[:SHOWN_PODS] for piece in _evidence(case, *pair)],
        facts={
            "good_image": good.values[f"{path}.image"],
            "image": value_of(workload, f"{path}.image"),
        },
        check="run the image before it with the same settings: does it work?",
    )


def _confidence(case: Case, workload: Workload, failing: list[tuple[Pod, Part]]) -> float:
    """Surest when the failure began soon after the change: an image that worked is no cause."""
    changed = template_changed_at(case.graph, workload)
    if not failing:
        lately = age_s(case.graph, changed) <= SOON_S
        return 0.8 if lately else RIVAL
    lag = precedes(changed, began(case.graph, (pod for pod, _ in failing)))
    return 0.91 if lag is None or lag <= SOON_S else RIVAL


def _evidence(case: Case, pod: Pod, part: Part) -> Iterator[Evidence]:
    for name in ("reason", "exitCode"):
        if read(pod, f"{part.end_path}.{name}") is not ABSENT:
            yield field_evidence(pod, f"{part.end_path}.{name}")
    yield from case.logs(pod, part.status.name)
