"""SLO004 cpu-throttled: a container is kept from running by its own CPU limit.

Why it hurts: each time it has used its share it waits for the next period, up to 100 ms; requests
that need more than that take several periods.

How we tell: in at least a quarter of its CPU periods it was throttled (cAdvisor, as the Kubernetes
mixin's CPUThrottlingHigh), or where only metrics-server tells, it uses nearly all of its limit.
Degraded where something says that it, or what calls it, is slow: traffic, callers that time out,
its probes. Else a risk.

Not this when: it has no CPU limit; no source tells.

First look: `kubectl top pod NAME --containers`, and the container's limits.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence, metric_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.quantities import amount
from stratus_cli.kube.slow import slow_units
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Usage, ref_of

META = RuleMeta("SLO004", "cpu-throttled", Severity.DEGRADED, needs=("Pod",))

THROTTLED = 0.25  # kubernetes-mixin, CPUThrottlingHigh
AT_LIMIT = 0.95  # our choice: throttling keeps the average just below the limit


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per owner: its most throttled container."""
    worst: dict[Ref, tuple[float, Usage, Pod, str]] = {}
    for usage in graph.snap.signals.usage:
        pod = graph.snap.get(Pod, usage.pod.namespace, usage.pod.name)
        limit = _limit(pod, usage.container) if pod is not None else ""
        share = _share(usage, limit)
        if pod is None or share is None:
            continue
        owner = ref_of(graph.top_owner(pod))
        if owner not in worst or worst[owner][0] < share:
            worst[owner] = (share, usage, pod, limit)
    slow = slow_units(graph) if worst else frozenset()
    for owner in sorted(worst):
        share, usage, pod, limit = worst[owner]
        said = (
            f"throttled in {share:.0%} of its periods"
            if usage.throttled is not None
            else f"uses {share:.0%} of it"
        )
        path = f"spec.containers[name={usage.container}].resources.limits.cpu"
        yield META.finding(
            owner,
            f"container {usage.container} is at its CPU limit of {limit} ({said})",
            severity=Severity.DEGRADED if owner in slow else Severity.RISK,
            confidence=Confidence.HIGH if usage.throttled is not None else Confidence.MEDIUM,
            evidence=(
                field_evidence(pod, path),
                metric_evidence(owner, f"cpu of {usage.container}", said),
            ),
        )


def _share(usage: Usage, limit: str) -> float | None:
    """How much it is throttled, or uses of its limit; None where that is nothing to speak of."""
    cores = amount(limit) if limit else None
    if not cores:
        return None
    if usage.throttled is not None:
        return usage.throttled if usage.throttled >= THROTTLED else None
    used = usage.cpu_cores / float(cores) if usage.cpu_cores is not None else 0.0
    return used if used >= AT_LIMIT else None


def _limit(pod: Pod, name: str) -> str:
    limits = (item.resources.limits for item in pod.spec.containers if item.name == name)
    return next(limits, {}).get("cpu", "")
