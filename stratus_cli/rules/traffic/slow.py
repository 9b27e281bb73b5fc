"""SLO002 slow: the slowest hundredth of successful requests takes much longer than it did.

Why it hurts: users wait, and callers with short time-outs fail or try again.

How we tell: Prometheus counts at least 20 requests, and the newest minute's p99 is at least twice
the median of the half hour before, beyond three median absolute deviations, and at least 100 ms
more. What is younger is compared with all its minutes before, at least three. Of few requests or in
a wide bucket it is only known between two bounds: the lower one counts. Where at least five units
that have no part in its calls are slower too, all of that times their median. Where nothing is
known of before, a p99 of more than a second is a risk.

Not this when: there is next to no traffic; it varies as much by itself; everything is as slow. That
is said of no unit here: node pressure, throttled CPUs and alerts tell of a slow machine.

First look: `kubectl top pods`, CPU limits of it and of what it calls.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import metric_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.slo import units_with_traffic
from stratus_cli.kube.slow import is_over_objective, is_slower, newest_p99, p99_before
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity

META = RuleMeta("SLO002", "slow", Severity.DEGRADED, needs=("Pod", "Service"))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload; a Service whose workloads are well by themselves has its own."""
    slow = units_with_traffic(graph, lambda item: is_slower(graph, item) or is_over_objective(item))
    for traffic in slow:
        p99 = newest_p99(traffic) or 0.0
        past = p99_before(traffic)
        before = "" if past is None else f", {past:.2f} s before"
        yield META.finding(
            traffic.ref,
            f"p99 {p99:.2f} s{before}",
            severity=Severity.DEGRADED if is_slower(graph, traffic) else Severity.RISK,
            confidence=Confidence.MEDIUM,
            evidence=(metric_evidence(traffic.ref, "p99", f"{p99:.3f}"),),
        )
