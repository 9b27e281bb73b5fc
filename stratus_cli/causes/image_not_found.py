"""The image that a container asks for is not in its registry, or its name is not one.

How we know: kubelet cannot pull it, and the owner's template asks for exactly this image. The
registry's own words tell an image that does not exist from one that may not be read or a registry
that does not answer: the latter two lower the confidence.

Known good: the image of an earlier revision, a recording, or what was last applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pods import IMAGE_REASONS, Part, newest_event
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod

META = CauseMeta("image-not-found", "the image does not exist")

ABSENT = re.compile(r"not found|manifest unknown|name unknown|does not exist|couldn't parse image")
DENIED = re.compile(r"unauthorized|forbidden|denied|authentication required|no basic auth", re.I)
UNREACHABLE = re.compile(
    r"i/o timeout|connection refused|no such host|deadline exceeded|tls:|x509|temporary failure"
    r"|too many requests|server misbehaving|dial tcp|service unavailable",
    re.I,
)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container whose image cannot be pulled."""
    for faulty in case.faulty("POD102"):
        for path, found in faulty.parts():
            failing = [(pod, part) for pod, part in found if part.waiting in IMAGE_REASONS]
            failing = list(case.current(faulty, f"{path}.image", failing))
            if failing:
                yield _diagnosis(case, faulty, path, failing)


def _diagnosis(case: Case, faulty: Faulty, path: str, failing: list[tuple[Pod, Part]]) -> Diagnosis:
    field = f"{faulty.prefix}{path}.image"
    image = as_text(read(faulty.template, f"{path}.image"))
    good = case.known_good.workload_field(faulty.workload, field) if faulty.workload else ()
    best = next((value for value in good if isinstance(value.value, str)), None)
    facts = case.facts(faulty, field, container=failing[0][1].status.name, image=image)
    if best is not None:
        facts |= {"good_image": best.value, "source": best.source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=image,
        expected=best.value if best else None,
        confidence=_confidence(case, failing, known=best is not None),
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            *(item for pair in failing[:SHOWN_PODS] for item in _evidence(case, *pair)),
        ),
        explains=case.explains(faulty, (pod for pod, _ in failing)),
        check=f"pull {image} from another machine with the same credentials",
    )


def _confidence(case: Case, failing: list[tuple[Pod, Part]], *, known: bool) -> float:
    said = " ".join(_words(case, pod, part) for pod, part in failing)
    if any(part.waiting == "InvalidImageName" for _, part in failing) or ABSENT.search(said):
        return 0.97 if known else 0.9
    if UNREACHABLE.search(said):
        return 0.35
    if DENIED.search(said):
        return 0.5
    return 0.75 if known else 0.65


def _words(case: Case, pod: Pod, part: Part) -> str:
    """What kubelet and the registry said, from the status and from events."""
    events = (event.message for event in case.graph.events_of(pod) if event.reason == "Failed")
    return " ".join((part.waiting_message, *sorted(events)))


def _evidence(case: Case, pod: Pod, part: Part) -> Iterator[Evidence]:
    yield field_evidence(pod, f"{part.status_path}.state.waiting.reason")
    event = newest_event(case.graph, pod, "Failed")
    pulls = [
        item
        for item in case.graph.events_of(pod)
        if item.reason == "Failed" and "pull" in item.message.lower()
    ]
    chosen = max(pulls, key=lambda item: (str(item.last_seen), item.message), default=event)
    if chosen is not None:
        yield event_evidence(pod, chosen)
