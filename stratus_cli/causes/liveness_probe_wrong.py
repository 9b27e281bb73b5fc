"""kubelet ends a container for a liveness or startup probe that asks the wrong thing, or too soon.

How we know: kubelet's own events, and the probe differs from the one that worked; or it asks a port
or path that another probe of the container, which passes, does not; or it gives up sooner than
Kubernetes' defaults would while the program is still starting. An answer of 5xx, or a time-out with
patient settings, means that the program itself is not well: then the confidence is low.

Known good: the probe of an earlier revision, a recording, or what was last applied; else what the
readiness probe asks, the only port that is declared, or Kubernetes' default numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.causes.setting import (
    Setting,
    complained_of,
    earlier_of,
    shown_of,
    value_of,
    was_absent,
    wrong_setting,
)
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.pods import is_ready, parts
from stratus_cli.kube.probe_kills import ProbeKill, probe_kill
from stratus_cli.kube.probes import NUMBERS, TARGETS, target_kind
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("liveness-probe-wrong", "the liveness probe ends a container that is not ill")

WRONG_TARGET = re.compile(r"connection refused|statuscode: 40[0-9]|http: server gave HTTP response")
ILL = re.compile(r"statuscode: 5\d\d")
Kills = list[tuple[Pod, ProbeKill]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container that is ended for a probe."""
    for workload, pods in complained_of(case, "POD108", "POD101"):
        found: dict[str, Kills] = {}
        for pod in pods:
            for part in parts(pod):
                kill = probe_kill(case.graph, pod, part)
                if kill is not None:
                    found.setdefault(f"{part.spec_path}.{kill.field}", []).append((pod, kill))
        for path, kills in sorted(found.items()):
            if value_of(workload, path) is not None:
                yield _diagnosis(case, workload, path, kills)


def _diagnosis(case: Case, workload: Workload, path: str, kills: Kills) -> Diagnosis:
    good, confidence = _good(case, workload, path, kills)
    field = path
    if good is not None and len(good.values) == 1:
        field = next(iter(good.values))
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=confidence,
        pods=[pod for pod, _ in kills],
        codes=("POD108", "POD101", "POD106"),
        container=kills[0][1].part.status.name,
        evidence=[
            piece
            for pair in kills[: len(shown_of(pod for pod, _ in kills))]
            for piece in _evidence(*pair)
        ],
        check="ask the pod for the probe's port and path while it runs; time its start-up",
    )


def _good(case: Case, workload: Workload, path: str, kills: Kills) -> tuple[Setting | None, float]:
    """What the probe should be, and how sure it is that the probe is at fault."""
    said = " ".join(kill.failure.message for _, kill in kills if kill.failure)
    removed = was_absent(case, workload, path)
    changed = earlier_of(case, workload, [f"{path}.{name}" for name in (*TARGETS, *NUMBERS)])
    if removed is not None:
        return removed, 0.9
    if changed is not None:
        return changed, 0.93
    if ILL.search(said):
        return None, 0.15
    if WRONG_TARGET.search(said):
        target = _served_target(workload, path, kills)
        if target is not None:
            return target, 0.86
    if not any(is_ready(pod) or _became_ready(pod) for pod, _ in kills) or not said:
        patient = _patient(workload, path)
        if patient is not None:
            return patient, 0.7
    if "connection refused" in said:
        return None, 0.4
    return _patient(workload, path), 0.5 if _patient(workload, path) else 0.2


def _served_target(workload: Workload, path: str, kills: Kills) -> Setting | None:
    """What the container's readiness probe asks, or the only port that it declares."""
    probe: Mapping[str, Any] = value_of(workload, path) or {}
    kind = target_kind(probe)
    container = path.rpartition(".")[0]
    ready: Mapping[str, Any] = value_of(workload, f"{container}.readinessProbe") or {}
    if kind == "httpGet" and target_kind(ready) == kind and _ever_ready(kills):
        wanted = {
            f"{path}.httpGet.{name}": ready["httpGet"].get(name)
            for name in ("port", "path", "scheme")
            if ready["httpGet"].get(name) != probe["httpGet"].get(name)
        }
        if wanted:
            return Setting(wanted, "the container's readiness probe, which passes", known=False)
    ports = kills[0][1].part.container.ports
    if kind and len(ports) == 1:
        asked = probe[kind].get("port")
        if asked not in (ports[0].container_port, ports[0].name):
            source = "the only port that the container declares"
            return Setting({f"{path}.{kind}.port": ports[0].container_port}, source, known=False)
    return None


def _patient(workload: Workload, path: str) -> Setting | None:
    """Kubernetes' defaults for the numbers that are below them."""
    lower = {}
    for name, default in NUMBERS.items():
        present = value_of(workload, f"{path}.{name}")
        if isinstance(present, int) and present < default:
            lower[f"{path}.{name}"] = default
    return Setting(lower, "Kubernetes' defaults", known=False) if lower else None


def _ever_ready(kills: Kills) -> bool:
    return any(kill.part.status.ready or _became_ready(pod) for pod, kill in kills)


def _became_ready(pod: Pod) -> bool:
    """Ready changed after the pod was initialized: it had been ready before this restart."""
    times = {item.type: item.last_transition_time for item in pod.status.conditions}
    ready, initialized = times.get("Ready"), times.get("Initialized")
    return bool(ready and initialized and ready > initialized)


def _evidence(pod: Pod, kill: ProbeKill) -> Iterator[Evidence]:
    if kill.part.last_end is not None:
        yield field_evidence(pod, f"{kill.part.end_path}.exitCode")
    yield event_evidence(pod, kill.event)
    if kill.failure is not None:
        yield event_evidence(pod, kill.failure)
