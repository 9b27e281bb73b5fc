"""WRK207 env-shadowed: a container has the same environment variable twice, with different values.

Why it hurts: the last one counts, whatever the first says, and tools that merge by name change the
first. What a person reads and what the program gets are not the same.

How we tell: two entries of env with one name and different values. It is degraded when the revision
before had it once with another value than counts now, or the workload has fewer pods than it wants;
else a risk.

Not this when: the values are equal; the later one builds on the earlier ($(NAME)).

First look: `kubectl set env WORKLOAD --list`, and `kubectl exec POD -- printenv NAME`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.called import containers_of
from stratus_cli.kube.env_twice import twice
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import read
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.workloads import older_replica_sets, short_of, sorted_workloads
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "WRK207",
    "env-shadowed",
    Severity.DEGRADED,
    needs=("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
)

PREFIX = "spec.template.spec."


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload."""
    for workload in sorted_workloads(graph):
        found = [
            (path, name, places)
            for path, container in containers_of(workload.spec.template.spec)
            for name, places in twice(container)
        ]
        if not found:
            continue
        hurts = short_of(graph, workload) > 0 or _was_once(graph, workload, found)
        names = ", ".join(dict.fromkeys(name for _, name, _ in found))
        yield META.finding(
            ref_of(workload),
            f"has {names} twice in one container, with different values: the last one counts",
            severity=Severity.DEGRADED if hurts else Severity.RISK,
            evidence=tuple(
                field_evidence(workload, f"{PREFIX}{path}.env[{index}].name")
                for path, _, places in found
                for index in places
            ),
        )


def _was_once(
    graph: Graph, workload: Workload, found: list[tuple[str, str, tuple[int, ...]]]
) -> bool:
    """The revision before this one had one of these once, with another value than counts now."""
    for old in older_replica_sets(graph, workload)[:1]:
        for path, name, places in found:
            env = read(old, f"{PREFIX}{path}.env")
            names = [item.get("name") for item in env] if isinstance(env, list) else []
            before = read(old, f"{PREFIX}{path}.env[name={name}].value")
            now = read(workload, f"{PREFIX}{path}.env[{places[-1]}].value")
            if names.count(name) == 1 and before != now:
                return True
    return False
