"""SLO002 slow: the slowest hundredth of successful requests takes much longer than it did.

Why it hurts: users wait, and callers with short time-outs fail or try again.

How we tell: Prometheus counts at least 20 requests, and the newest minute's p99 is at least twice
the median of the half hour before, beyond three median absolute deviations, and at least 100 ms
more. Where nothing is known of before, a p99 of more than a second is a risk.

Not this when: there is next to no traffic; it varies as much by itself.

First look: `kubectl top pods`, CPU limits of it and of what it calls.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import metric_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.slo import is_busy, units_with_traffic
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import Traffic

META = RuleMeta("SLO002", "slow", Severity.DEGRADED, needs=("Pod", "Service"))

TIMES = 2.0  # our choice: users notice; far beyond the 20 % that count as noise (DESIGN.md)
DEVIATIONS = 3.0  # DESIGN.md, Health and TNR
LEAST_S = 0.1  # our choice: less is not felt (Nielsen's limit of "at once")
SLOW_S = 1.0  # health: the objective where no SLO says


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload; a Service whose workloads are well by themselves has its own."""
    for traffic in units_with_traffic(graph, lambda item: _severity(item) or 0):
        severity, p99 = _severity(traffic), _now(traffic)
        if severity is None or p99 is None:
            continue
        before = "" if traffic.p99_past is None else f", {traffic.p99_past:.2f} s before"
        yield META.finding(
            traffic.ref,
            f"p99 {p99:.2f} s{before}",
            severity=severity,
            confidence=Confidence.MEDIUM,
            evidence=(metric_evidence(traffic.ref, "p99", f"{p99:.3f}"),),
        )


def _now(traffic: Traffic) -> float | None:
    return traffic.p99_s if traffic.p99_minute is None else traffic.p99_minute


def _severity(traffic: Traffic) -> Severity | None:
    now, past = _now(traffic), traffic.p99_past
    if now is None or not is_busy(traffic):
        return None
    if past is None:
        return Severity.RISK if now >= SLOW_S else None
    limit = max(TIMES * past, past + DEVIATIONS * (traffic.p99_mad or 0.0), past + LEAST_S)
    return Severity.DEGRADED if now >= limit else None
