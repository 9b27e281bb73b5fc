"""The registry refuses to give an image to this workload: it asks with no or the wrong credentials.

How we know: the registry's words are unauthorized or denied, and the workload's imagePullSecrets
differ from the ones that worked, name a Secret that does not exist, or are missing while others
that pull from the same registry have them.

Known good: imagePullSecrets of an earlier revision, a recording, or what was last applied; else
those of the other workloads of the namespace that pull from the same registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.causes.setting import (
    Setting,
    complained_of,
    earlier,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import absent_evidence, event_evidence, field_evidence
from stratus_cli.kube.pods import IMAGE_REASONS, Part, parts
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import Secret
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref

META = CauseMeta("pull-denied", "the registry refuses the workload's credentials")
FIELD = "imagePullSecrets"
DENIED = re.compile(
    r"unauthorized|authentication required|no basic auth|access denied|requested access to the"
    r" resource is denied|\b401\b|\b403 forbidden",
    re.I,
)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload whose pull is refused for its credentials."""
    for workload, pods in complained_of(case, "POD102"):
        denied = [
            (pod, part)
            for pod in pods
            for part in parts(pod)
            if part.waiting in IMAGE_REASONS and DENIED.search(_words(case, pod, part))
        ]
        if denied:
            found = _diagnosis(case, workload, denied)
            if found is not None:
                yield found


def _diagnosis(case: Case, workload: Workload, denied: list[tuple[Pod, Part]]) -> Diagnosis | None:
    missing = _missing(case, workload)
    good = earlier(case, workload, FIELD, lambda value: not _lacks(case, workload, value))
    others = _of_others(case, workload, denied[0][1].container.image)
    if good is not None:
        confidence = 0.94
    elif others is not None and others.values[FIELD] != value_of(workload, FIELD):
        good, confidence = others, 0.85
    elif missing:
        confidence = 0.85
    else:
        return None
    return wrong_setting(
        case,
        META,
        workload,
        FIELD,
        good=good,
        confidence=confidence,
        pods=[pod for pod, _ in denied],
        codes=("POD102",),
        container=denied[0][1].status.name,
        evidence=[
            *(
                absent_evidence(Ref("Secret", workload.metadata.namespace, name, "v1"))
                for name in missing
            ),
            *(piece for pair in denied[:SHOWN_PODS] for piece in _evidence(case, *pair)),
        ],
        facts={"image": denied[0][1].container.image},
        check="pull the image by hand with the credentials of the Secret that is named",
    )


def _names(value: object) -> list[str]:
    found = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [item["name"] for item in found if isinstance(item, Mapping) and item.get("name")]


def _lacks(case: Case, workload: Workload, value: object) -> bool:
    """One of the Secrets that these name is not there."""
    if not case.graph.snap.was_read("Secret"):
        return False
    namespace = workload.metadata.namespace
    return any(case.graph.snap.get(Secret, namespace, name) is None for name in _names(value))


def _missing(case: Case, workload: Workload) -> list[str]:
    """Pull Secrets of the template that do not exist."""
    if not case.graph.snap.was_read("Secret"):
        return []
    return [
        item.name
        for item in workload.spec.template.spec.image_pull_secrets
        if case.graph.snap.get(Secret, workload.metadata.namespace, item.name) is None
    ]


def _of_others(case: Case, workload: Workload, image: str) -> Setting | None:
    """What all others of the namespace that pull from this registry use, if it exists."""
    registry = _registry(image)
    found = []
    for other in case.graph.workloads_in(workload.metadata.namespace):
        spec = other.spec.template.spec
        pulls = any(_registry(item.image) == registry for _, item in containers_of(spec))
        value = value_of(other, FIELD)
        if other is not workload and pulls and _names(value) and not _lacks(case, other, value):
            found.append((other.metadata.name, value))
    if not found or any(value != found[0][1] for _, value in found):
        return None
    source = f"imagePullSecrets of {found[0][0]}, which pulls from the same registry"
    return Setting({FIELD: found[0][1]}, source, known=False)


def _registry(image: str) -> str:
    """Host of an image's registry; Docker Hub's where it names none."""
    first = image.partition("/")[0]
    return first if "/" in image and re.search(r"[.:]|^localhost$", first) else "docker.io"


def _words(case: Case, pod: Pod, part: Part) -> str:
    said = (event.message for event in case.graph.events_of(pod) if event.reason == "Failed")
    return " ".join((part.waiting_message, *sorted(said)))


def _evidence(case: Case, pod: Pod, part: Part) -> Iterator[Evidence]:
    yield field_evidence(pod, f"{part.status_path}.state.waiting.reason")
    for event in case.graph.events_of(pod):
        if event.reason == "Failed" and DENIED.search(event.message):
            yield event_evidence(pod, event)
            return
