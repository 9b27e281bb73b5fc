"""A security context forbids what the container's program needs.

How we know: kubelet refuses to create the container for it, or the container's log says permission
denied, operation not permitted or read-only file system, and the security context of container or
pod differs from the one that worked. Without history only a field that fits the words is named.

Known good: the field of an earlier revision, a recording, or what was last applied. Without one no
value is proposed: taking a restriction away blindly is no repair.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, SHOWN_PODS, Case
from stratus_cli.causes.setting import (
    Setting,
    earlier_of,
    facts_of_container,
    suspects,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.log_facts import LogFact
from stratus_cli.kube.log_patterns import PERMISSION_DENIED, READ_ONLY
from stratus_cli.kube.pods import CONFIG_REASONS, Part, parts
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("security-context-wrong", "the security context forbids what the program needs")
CODES = ("POD101", "POD103", "POD106", "POD108")

OF_CONTAINER = (
    "readOnlyRootFilesystem",
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "capabilities",
    "privileged",
    "allowPrivilegeEscalation",
    "seccompProfile",
)
OF_POD = (
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "fsGroup",
    "supplementalGroups",
    "seccompProfile",
)
RIVAL = 0.28  # below what is named as a root: a hardened pod may be denied for other reasons
NOT_ROOT = (
    "runAsNonRoot"  # kubelet's words: "container has runAsNonRoot and image will run as root"
)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container that is forbidden something."""
    for workload, pods in suspects(case, *CODES):
        said = facts_of_container(case, workload, PERMISSION_DENIED, READ_ONLY)
        for path, _ in containers_of(workload.spec.template.spec):
            facts = said.get(path, [])
            refused = [
                (pod, part)
                for pod in pods
                for part in parts(pod)
                if part.spec_path == path and _is_refused(part)
            ]
            if facts or refused:
                found = _diagnosis(case, workload, pods, path, facts, refused)
                if found is not None:
                    yield found


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    path: str,
    facts: list[LogFact],
    refused: list[tuple[Pod, Part]],
) -> Diagnosis | None:
    field, good, confidence = _field(case, workload, path, facts, is_refused=bool(refused))
    if not field:
        return None
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=confidence,
        pods=pods,
        codes=CODES,
        container=path.rpartition("=")[2].rstrip("]"),
        evidence=(*_words(refused), *(fact.evidence for fact in facts[:SHOWN_LINES])),
        check="kubectl exec POD -- id, in a pod that works, and the owner of what is denied",
    )


def _field(
    case: Case, workload: Workload, path: str, facts: list[LogFact], *, is_refused: bool
) -> tuple[str, Setting | None, float]:
    """(field below the pod spec or "", how it should be, confidence)."""
    own = [f"{path}.securityContext.{name}" for name in OF_CONTAINER]
    whole = [*own, *(f"securityContext.{name}" for name in OF_POD)]
    changed = earlier_of(case, workload, whole)
    if changed is not None:
        return next(iter(changed.values)), changed, 0.93
    if is_refused:
        for field in (f"{path}.securityContext.{NOT_ROOT}", f"securityContext.{NOT_ROOT}"):
            if value_of(workload, field):
                return field, None, 0.8
    read_only = f"{path}.securityContext.readOnlyRootFilesystem"
    if any(fact.kind == READ_ONLY for fact in facts) and value_of(workload, read_only):
        return read_only, None, 0.75
    if any(fact.kind == PERMISSION_DENIED for fact in facts):
        users = [f"{path}.securityContext.runAsUser", "securityContext.runAsUser"]
        dropped = f"{path}.securityContext.capabilities.drop"
        for field in (*users, dropped):
            if value_of(workload, field) is not None:
                return field, None, RIVAL
    return "", None, 0.0


def _is_refused(part: Part) -> bool:
    return part.waiting in CONFIG_REASONS and NOT_ROOT in part.waiting_message


def _words(refused: list[tuple[Pod, Part]]) -> Iterator[Evidence]:
    for pod, part in refused[:SHOWN_PODS]:
        yield field_evidence(pod, f"{part.status_path}.state.waiting.message")
