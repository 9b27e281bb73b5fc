"""BAT951 stale-environment: containers run with a value that was changed since they started.

Why it hurts: after a rotation they go on with the old password; what was corrected in a ConfigMap
has no effect. It shows when the old value stops being accepted, or with the next restart.

How we tell: a key of a Secret or ConfigMap that is read by env, envFrom or subPath was written
after the container started. Degraded when the container's log says since then that its credentials
are not accepted; else a risk.

Not this when: the key is read through a volume (it arrives by itself); containers started later.

First look: `kubectl rollout restart` of the workload, if the new value is meant for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import AUTH_FAILED
from stratus_cli.kube.pods import parts
from stratus_cli.kube.stale import Stale, stale
from stratus_cli.kube.workloads import sorted_workloads
from stratus_cli.model.finding import Confidence, Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_config import Secret
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "BAT951", "stale-environment", Severity.RISK, needs=("Pod", "Secret", "ConfigMap", "ReplicaSet")
)


@dataclass(frozen=True)
class _Seen:
    stale: Stale
    refused: tuple[LogFact, ...]


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload, about the place that hurts most."""
    for workload in sorted_workloads(graph):
        found = [_Seen(item, _refused(graph, item)) for item in stale(graph, workload)]
        worst = next((item for item in found if item.refused), found[0] if found else None)
        if worst is not None:
            yield _finding(worst)


def _refused(graph: Graph, item: Stale) -> tuple[LogFact, ...]:
    """What its pods say of credentials since the Secret changed."""
    if not isinstance(item.config, Secret):
        return ()
    facts = facts_of_pods(graph.snap, (ref_of(pod) for pod in item.pods), AUTH_FAILED)
    return tuple(fact for fact in facts if fact.last is None or fact.last >= item.at)


def _finding(seen: _Seen) -> Finding:
    item = seen.stale
    what = f"{item.config.KIND} {item.config.metadata.name}"
    since = f"{item.at:%H:%M:%S}Z"
    said = ", and are refused" if seen.refused else ""
    return META.finding(
        ref_of(item.workload),
        f"{len(item.pods)} pods have what was in {what} before {since}{said}",
        severity=Severity.DEGRADED if seen.refused else Severity.RISK,
        confidence=Confidence.HIGH if seen.refused else Confidence.LOW,
        evidence=(*_evidence(item), *(fact.evidence for fact in seen.refused[:1])),
    )


def _evidence(item: Stale) -> Iterator[Evidence]:
    for pod in sorted(item.pods, key=ref_of)[:1]:
        for part in parts(pod):
            if part.status.name == item.reading.container:
                yield field_evidence(pod, f"{part.status_path}.state.running.startedAt")
