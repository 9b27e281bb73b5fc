"""SLO007 logs-slow: requests take much longer than they did, by the durations in the log.

Why it hurts: users wait, and callers with short time-outs fail or try again.

How we tell: the lines of one kind that ready pods write about requests name how long each took.
The median of the newest ones, within a minute, is at least three times that of the earlier ones
(up to half an hour), at least 100 ms more, and has been so for ten seconds.

Not this when: Prometheus tells latency, which counts all requests; there are few lines; a blip.

First look: `kubectl logs POD --since=30m`, CPU limits of it and of what it calls.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import log_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_latency import slower
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity

META = RuleMeta("SLO007", "logs-slow", Severity.DEGRADED, needs=("Pod", "ReplicaSet", "Deployment"))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per owner of pods whose latency no other source tells."""
    told = {item.ref for item in graph.snap.signals.traffic if item.p99_s is not None}
    for found in slower(graph):
        if found.owner not in told:
            yield META.finding(
                found.owner,
                f"requests take {found.now_s:.2f} s, {found.before_s:.2f} s before, by its log",
                confidence=Confidence.MEDIUM,
                evidence=(
                    log_evidence(found.pod, found.container, previous=False, line=found.line),
                ),
            )
