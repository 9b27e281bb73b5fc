"""SLO005 memory-near-limit: a container's working set is close to its memory limit.

Why it hurts: a little more and the kernel kills it.

How we tell: cAdvisor's or metrics-server's working set is at least nine tenths of the limit. A
risk: page cache that could be freed counts in part, and nobody is hurt yet.

Not this when: it has no memory limit; no source tells.

First look: `kubectl top pod NAME --containers`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.quantities import amount
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import Usage

META = RuleMeta("SLO005", "memory-near-limit", Severity.RISK, needs=("Pod",))

NEAR = 0.9  # our choice: a tenth is what many programs vary by


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    told: set[str] = set()
    for usage in graph.snap.signals.usage:
        pod = graph.snap.get(Pod, usage.pod.namespace, usage.pod.name)
        if pod is None or str(usage.pod) in told:
            continue
        limits = (it.resources.limits for it in pod.spec.containers if it.name == usage.container)
        limit = next(limits, {}).get("memory", "")
        share = _share(usage, limit)
        if share is not None and share >= NEAR:
            told.add(str(usage.pod))
            path = f"spec.containers[name={usage.container}].resources.limits.memory"
            yield META.finding(
                usage.pod,
                f"container {usage.container} uses {share:.0%} of its memory limit of {limit}",
                confidence=Confidence.MEDIUM,
                evidence=(field_evidence(pod, path),),
            )


def _share(usage: Usage, limit: str) -> float | None:
    if usage.memory is not None:
        return usage.memory if limit else None
    most = amount(limit) if limit else None
    return usage.memory_b / float(most) if most and usage.memory_b is not None else None
