"""A container's memory limit is lower than what it needs: the kernel ends it.

How we know: it ends as OOMKilled, or cannot even start because its first process is killed for
memory, while its template sets a memory limit. A container without a limit that is killed for
memory points to the node instead.

Known good: a higher limit from an earlier revision, a recording, or what was last applied. Without
one no number is proposed: raising a limit blindly hides leaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pods import Part
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.objects_pod import Pod

META = CauseMeta("memory-limit-too-low", "the memory limit is too low")

# runc: "container init was OOM-killed (memory limit too low?)"
START_WORDS = ("oom-killed", "memory limit too low", "oomkilled")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container that is killed for memory under a limit."""
    for faulty in case.faulty("POD101", "POD106"):
        for path, found in faulty.parts():
            limit = f"{path}.resources.limits.memory"
            if read(faulty.template, limit) is ABSENT:
                continue
            killed = case.current(
                faulty, limit, ((pod, part) for pod, part in found if was_killed(part))
            )
            if killed:
                yield _diagnosis(case, faulty, path, killed)


def was_killed(part: Part) -> bool:
    """This container's last end was for memory."""
    end = part.last_end
    said = f"{end.message if end else ''} {part.waiting_message}".lower()
    return (end is not None and end.reason == "OOMKilled") or any(
        words in said for words in START_WORDS
    )


def _diagnosis(
    case: Case, faulty: Faulty, path: str, killed: tuple[tuple[Pod, Part], ...]
) -> Diagnosis:
    field = f"{faulty.prefix}{path}.resources.limits.memory"
    limit = as_text(read(faulty.template, f"{path}.resources.limits.memory"))
    good = case.known_good.workload_field(faulty.workload, field) if faulty.workload else ()
    higher = [value for value in good if _is_higher(value, limit)]
    best = higher[0] if higher else None
    facts = case.facts(faulty, field, container=killed[0][1].status.name, limit=limit)
    if best is None:
        facts.pop("good_revision", None)
    elif best.value is not None:
        facts |= {"good_limit": best.value, "source": best.source}
        facts |= _request(case, faulty, path)
    evidence = [*case.field_evidence(faulty.owner, field)]
    for pod, part in killed[:SHOWN_PODS]:
        evidence.append(field_evidence(pod, f"{part.end_path}.reason"))
        evidence.append(field_evidence(pod, f"{part.end_path}.exitCode"))
        if part.last_end is not None and part.last_end.message:
            evidence.append(field_evidence(pod, f"{part.end_path}.message"))
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=limit,
        expected=(best.value or "no limit") if best else None,
        confidence=0.95 if best else 0.8,
        facts=facts | case.changed(faulty.owner, field),
        evidence=tuple(evidence),
        explains=case.explains(faulty, (pod for pod, _ in killed)),
        check="compare container_memory_working_set_bytes with the limit: a slow climb is a leak",
    )


def _request(case: Case, faulty: Faulty, path: str) -> dict[str, str]:
    """The earlier memory request, where it was lowered together with the limit."""
    assert faulty.workload is not None  # only workloads have known-good values
    field = f"{faulty.prefix}{path}.resources.requests.memory"
    good = case.known_good.workload_field(faulty.workload, field)
    request = next((value.value for value in good if isinstance(value.value, str)), None)
    return {"good_request": request} if request else {}


def _is_higher(value: KnownGood, limit: str) -> bool:
    if value.value is None:
        return True  # there was no limit
    try:
        return _amount(value.value) > _amount(limit)
    except ValueError:
        return False


def _amount(text: object) -> Decimal:
    if not isinstance(text, str | int | float):
        raise ValueError("not a quantity")
    return parse_quantity(text)
