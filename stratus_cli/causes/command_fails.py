"""The command a container is told to run ends at once, or does not exist in its image.

How we know: the container keeps ending, not for memory and not killed by its liveness probe. It is
sure when the runtime says that the executable is missing, or when command or args differ from the
revision that worked. Without either it may as well be the program itself, its image, its settings
or something it needs: the confidence says so.

Known good: command and args of an earlier revision, a recording, or what was last applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.pods import START_REASONS, Part, crash_evidence, newest_event
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod

META = CauseMeta("command-fails", "the container's command fails")

MISSING = re.compile(
    r"executable file not found|no such file or directory|permission denied|exec format error", re.I
)
SHELL_CODES = (126, 127)  # POSIX shells: found but not executable; not found
MEMORY = re.compile(r"oom", re.I)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container that keeps ending for another reason than memory."""
    for faulty in case.faulty("POD101"):
        for path, found in faulty.parts():
            crashing = [
                (pod, part)
                for pod, part in found
                if crash_evidence(case.graph, part) and not _is_memory(part)
            ]
            for name in ("command", "args"):
                crashing = list(case.current(faulty, f"{path}.{name}", crashing))
            if crashing:
                yield _diagnosis(case, faulty, path, crashing)


def _diagnosis(
    case: Case, faulty: Faulty, path: str, crashing: list[tuple[Pod, Part]]
) -> Diagnosis:
    changed = _changed(case, faulty, path)
    name = "args" if list(changed) == ["args"] else "command"
    field = f"{faulty.prefix}{path}.{name}"
    best = changed.get(name)
    facts = case.facts(faulty, field, container=crashing[0][1].status.name)
    if best is not None:
        facts |= {"source": best.source}
        for key in ("command", "args"):
            present = read(faulty.template, f"{path}.{key}")
            earlier = changed[key].value if key in changed else present
            facts[f"good_{key}"] = None if earlier is ABSENT else earlier
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=as_text(read(faulty.template, f"{path}.{name}")),
        expected=_shown(best.value) if best else None,
        confidence=_confidence(case, faulty, path, crashing, known=best is not None),
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            *(item for pair in crashing[:SHOWN_PODS] for item in _evidence(case, *pair)),
        ),
        explains=case.explains(faulty, (pod for pod, _ in crashing)),
        check="kubectl logs POD --previous: a usage message or a missing file is the command;"
        " an error after start-up is the program, its settings or what it needs",
    )


def _changed(case: Case, faulty: Faulty, path: str) -> dict[str, KnownGood]:
    """The best earlier value of command and args, where there is another one."""
    if faulty.workload is None:
        return {}
    found = {}
    for name in ("command", "args"):
        good = case.known_good.workload_field(faulty.workload, f"{faulty.prefix}{path}.{name}")
        if good:
            found[name] = good[0]
    return found


def _confidence(
    case: Case, faulty: Faulty, path: str, crashing: list[tuple[Pod, Part]], *, known: bool
) -> float:
    if any(_is_liveness_kill(case, pod) for pod, _ in crashing):
        return 0.15
    cannot_start = any(_cannot_start(part) for _, part in crashing)
    if known:
        return 0.96 if cannot_start else 0.88
    if cannot_start:
        return 0.85
    image = f"{faulty.prefix}{path}.image"
    if faulty.workload and case.known_good.workload_field(faulty.workload, image):
        return 0.2  # the image changed and the command did not
    return 0.4 if read(faulty.template, f"{path}.command") is not ABSENT else 0.25


def _cannot_start(part: Part) -> bool:
    end = part.last_end
    if end is None:
        return part.waiting in START_REASONS
    return (
        end.reason in START_REASONS and bool(MISSING.search(end.message))
    ) or end.exit_code in SHELL_CODES


def _is_memory(part: Part) -> bool:
    end = part.last_end
    return end is not None and bool(MEMORY.search(f"{end.reason} {end.message}"))


def _is_liveness_kill(case: Case, pod: Pod) -> bool:
    event = newest_event(case.graph, pod, "Killing")
    return event is not None and "liveness probe" in event.message


def _evidence(case: Case, pod: Pod, part: Part) -> Iterator[Evidence]:
    for name in ("reason", "exitCode", "message"):
        if read(pod, f"{part.end_path}.{name}") is not ABSENT:
            yield field_evidence(pod, f"{part.end_path}.{name}")
    yield from case.logs(pod, part.status.name)
    event = newest_event(case.graph, pod, "Failed", "BackOff")
    if event is not None:
        yield event_evidence(pod, event)


def _shown(value: Any) -> str:  # noqa: ANN401  # JSON
    return "the image's own" if value is None else as_text(value)
