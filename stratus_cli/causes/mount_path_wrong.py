"""A volume is mounted where the container's program does not look, or a subPath that is not there.

How we know: the container's log misses a file, or the runtime cannot mount the subPath, and the
container's mounts differ from the ones that worked; or, without history, a ConfigMap that it mounts
elsewhere has just the file that is missed.

Known good: mountPath and subPath of an earlier revision, a recording, or what was last applied;
else the folder of the file that the program misses.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, SHOWN_PODS, Case
from stratus_cli.causes.setting import (
    PREFIX,
    Setting,
    complained_of,
    earlier,
    facts_of_container,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import read
from stratus_cli.kube.log_facts import LogFact
from stratus_cli.kube.log_patterns import BAD_CONFIG, MISSING_FILE, MISSING_PROGRAM
from stratus_cli.kube.pods import CONFIG_REASONS, START_REASONS, Part, parts
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_pod import Container, Pod, VolumeMount
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("mount-path-wrong", "a volume is not mounted where the program looks")
CODES = ("POD101", "POD103", "POD104", "POD106", "POD108")

# runc and kubelet (makeMounts): a directory over a file, a subPath that is not there.
MOUNT = re.compile(
    r"subpath|not a directory: .{0,200}mount|mount a directory onto a file|error mounting", re.I
)
Found = tuple[str, Setting | None, float]
"""(field below the pod spec, how it should be, confidence)."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container whose mounts do not fit."""
    for workload, pods in complained_of(case, *CODES):
        said = facts_of_container(case, workload, MISSING_FILE, MISSING_PROGRAM, BAD_CONFIG)
        for path, container in containers_of(workload.spec.template.spec):
            missed = [fact for fact in said.get(path, ()) if fact.target.startswith("/")]
            refused = [
                (pod, part)
                for pod in pods
                for part in parts(pod)
                if part.spec_path == path and _is_refused(part)
            ]
            if not missed and not refused:
                continue
            found = _changed(case, workload, path, container, missed) or _elsewhere(
                case, workload, path, container, missed
            )
            if found is not None:
                yield _diagnosis(case, workload, pods, container.name, found, missed, refused)


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    container: str,
    found: Found,
    missed: list[LogFact],
    refused: list[tuple[Pod, Part]],
) -> Diagnosis:
    field, good, confidence = found
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=confidence,
        pods=pods,
        codes=CODES,
        container=container,
        evidence=(
            *_words(refused),
            *(fact.evidence for fact in missed[:SHOWN_LINES]),
        ),
        check="kubectl exec POD -- ls -l, on the path that is missed, in a pod that works",
    )


def _is_refused(part: Part) -> bool:
    said = part.waiting_message + (part.last_end.message if part.last_end else "")
    waits = part.waiting in CONFIG_REASONS | START_REASONS | {"CrashLoopBackOff"}
    return waits and bool(MOUNT.search(said))


def _changed(
    case: Case, workload: Workload, path: str, container: Container, missed: list[LogFact]
) -> Found | None:
    """A mount that was somewhere else, or is gone."""
    whole = f"{path}.volumeMounts"
    mounts = container.volume_mounts
    names = [mount.name for mount in mounts]
    for mount in mounts:
        if names.count(mount.name) != 1:
            continue  # the same volume twice: its name tells no mount
        for name in ("mountPath", "subPath"):
            field = f"{whole}[name={mount.name}].{name}"
            good = earlier(case, workload, field)
            if good is not None and (name == "subPath" or good.values[field] is not None):
                return field, good, 0.94
    before = earlier(case, workload, whole)
    for fact in missed:
        for old in (before.values[whole] if before else None) or ():
            where = old.get("mountPath", "") if isinstance(old, dict) else ""
            if old.get("name") not in names and _is_below(fact.target, where):
                field = f"{whole}[name={old['name']}]"
                source = before.source if before else ""
                return field, Setting({field: old}, source), 0.9
    return None


def _elsewhere(
    case: Case, workload: Workload, path: str, container: Container, missed: list[LogFact]
) -> Found | None:
    """A ConfigMap volume of the container that has the missed file, in another folder."""
    found = []
    for fact in missed:
        folder, name = posixpath.split(fact.target)
        for mount in container.volume_mounts:
            if not mount.sub_path and not _is_below(fact.target, mount.mount_path):
                keys = _keys(case, workload, mount)
                field = f"{path}.volumeMounts[name={mount.name}].mountPath"
                if name in keys and value_of(workload, field) is not None:
                    source = f"the file {fact.target} that the program misses"
                    found.append((field, Setting({field: folder}, source, known=False)))
    if len({field for field, _ in found}) != 1:
        return None
    return (*found[0], 0.82)


def _keys(case: Case, workload: Workload, mount: VolumeMount) -> frozenset[str]:
    """Files that the ConfigMap behind a mount gives."""
    name = read(workload, f"{PREFIX}volumes[name={mount.name}].configMap.name")
    if not isinstance(name, str):
        return frozenset()
    found = case.graph.snap.get(ConfigMap, workload.metadata.namespace, name)
    return frozenset((*found.data, *found.binary_data)) if found else frozenset()


def _is_below(path: str, folder: str) -> bool:
    return bool(folder) and (path == folder or path.startswith(folder.rstrip("/") + "/"))


def _words(refused: list[tuple[Pod, Part]]) -> Iterator[Evidence]:
    for pod, part in refused[:SHOWN_PODS]:
        if part.waiting_message:
            yield field_evidence(pod, f"{part.status_path}.state.waiting.message")
        elif part.last_end is not None:
            yield field_evidence(pod, f"{part.end_path}.message")
