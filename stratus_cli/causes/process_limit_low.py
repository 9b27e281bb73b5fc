"""A limit that a workload sets for its own processes is too low: files, ports or shared memory.

How we know: the container's log says too many open files, cannot assign requested address, or no
space left, and the template sets that very limit: `ulimit -n` in command or args, the sysctl
net.ipv4.ip_local_port_range, or the size of an emptyDir that holds the path.

Known good: the setting of an earlier revision, a recording, or what was last applied; else, for the
sysctl, the kernel's own range, and for /dev/shm, which has 64 MiB by default, a volume in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    Setting,
    earlier,
    earlier_of,
    facts_of_container,
    suspects,
    value_of,
    was_absent,
    wrong_setting,
)
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.log_facts import LogFact
from stratus_cli.kube.log_patterns import NO_LOCAL_PORTS, NO_SPACE, TOO_MANY_FILES
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("process-limit-low", "a limit of the workload's own processes is too low")
CODES = ("POD101", "POD106", "POD108")

ULIMIT = re.compile(r"\bulimit\s+(?:-\w\s+)*-\w*n\b|--nofile|\bprlimit\b")
PORT_RANGE = "securityContext.sysctls[name=net.ipv4.ip_local_port_range]"
SHARED_MEMORY = "/dev/shm"  # noqa: S108  # a path inside the container
VOLUME = "dev-shm"

Found = tuple[str, Setting | None, float]
"""(field below the pod spec, how it should be, confidence)."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container and limit that its log complains about."""
    for workload, pods in suspects(case, *CODES):
        said = facts_of_container(case, workload, TOO_MANY_FILES, NO_LOCAL_PORTS, NO_SPACE)
        for path, container in containers_of(workload.spec.template.spec):
            for kind, find in FINDERS.items():
                facts = [fact for fact in said.get(path, ()) if fact.kind == kind]
                found = find(case, workload, path, container, facts) if facts else None
                if found is None:
                    continue
                field, good, confidence = found
                yield wrong_setting(
                    case,
                    META,
                    workload,
                    field,
                    good=good,
                    confidence=confidence,
                    pods=pods,
                    codes=CODES,
                    container=container.name,
                    evidence=[fact.evidence for fact in facts[:SHOWN_LINES]],
                    check="kubectl exec POD -- sh -c 'ulimit -n; df /dev/shm;"
                    " cat /proc/sys/net/ipv4/ip_local_port_range'",
                )


def _files(
    case: Case, workload: Workload, path: str, container: Container, facts: list[LogFact]
) -> Found | None:
    for name, words in (("command", container.command), ("args", container.args)):
        for index, word in enumerate(words):
            if ULIMIT.search(word):
                good = earlier_of(case, workload, [f"{path}.command", f"{path}.args"])
                field = next(iter(good.values)) if good else f"{path}.{name}[{index}]"
                return field, good, 0.93 if good else 0.75
    return None


def _ports(
    case: Case, workload: Workload, path: str, container: Container, facts: list[LogFact]
) -> Found | None:
    if value_of(workload, PORT_RANGE) is None:
        return None
    field = f"{PORT_RANGE}.value"
    good = earlier(case, workload, field, lambda value: isinstance(value, str))
    if good is not None:
        return field, good, 0.95
    absent = was_absent(case, workload, PORT_RANGE)
    if absent is not None:
        return PORT_RANGE, absent, 0.95
    return PORT_RANGE, Setting({PORT_RANGE: None}, "the kernel's own range", known=False), 0.88


def _space(
    case: Case, workload: Workload, path: str, container: Container, facts: list[LogFact]
) -> Found | None:
    told = [fact for fact in facts if fact.target or SHARED_MEMORY in fact.line]
    where = next((fact.target for fact in told if fact.target), SHARED_MEMORY if told else "")
    if not where and not any("shared memory" in fact.line for fact in facts):
        return None
    where = where or SHARED_MEMORY
    for mount in container.volume_mounts:
        inside = where == mount.mount_path or where.startswith(mount.mount_path.rstrip("/") + "/")
        field = f"volumes[name={mount.name}].emptyDir.sizeLimit"
        if inside and value_of(workload, field) is not None:
            good = earlier(case, workload, field)
            return field, good, 0.94 if good else 0.8
    if not where.startswith(SHARED_MEMORY):
        return None
    volume, mount_field = f"volumes[name={VOLUME}]", f"{path}.volumeMounts[name={VOLUME}]"
    values = {
        volume: {"name": VOLUME, "emptyDir": {"medium": "Memory"}},
        mount_field: {"name": VOLUME, "mountPath": SHARED_MEMORY},
    }
    source = "a volume in memory, bounded by the container's own memory limit"
    return volume, Setting(values, source, known=False), 0.72


FINDERS = {TOO_MANY_FILES: _files, NO_LOCAL_PORTS: _ports, NO_SPACE: _space}
