"""SLO001 errors-high: a workload or Service answers many requests with errors.

Why it hurts: its users get errors, whatever its pods' state is.

How we tell: Prometheus counts at least 20 requests in the window, and at least 5 % of them have
failed (HTTP 5xx), in the window and in its newest minute. From half on it is an outage. From 1 %
on, where it was next to none in the half hour before, it is a risk.

Not this when: there is next to no traffic; it is over (the newest minute is well); one bad moment
that the window does not show.

First look: `kubectl logs deploy/NAME --since=5m`, and what it calls.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import metric_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.slo import is_busy, units_with_traffic
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import Traffic

META = RuleMeta("SLO001", "errors-high", Severity.DEGRADED, needs=("Pod", "Service"))

BAD = 0.05  # DESIGN.md, Health and TNR: less counts as noise
MOSTLY = 0.5
BURNING = 0.01  # SRE Workbook, ch. 5: a page at 14.4 times a 99.9 % objective, 1.4 %
NEXT_TO_NONE = 0.001


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload; a Service whose workloads are well by themselves has its own."""
    for traffic in units_with_traffic(graph, _rate):
        rate = _rate(traffic)
        severity = _severity(traffic, rate)
        if severity is None:
            continue
        before = "" if traffic.error_past is None else f", {traffic.error_past:.1%} before"
        yield META.finding(
            traffic.ref,
            f"{rate:.1%} of its requests fail{before}",
            severity=severity,
            evidence=(metric_evidence(traffic.ref, "error rate", f"{rate:.3f}"),),
        )


def _rate(traffic: Traffic) -> float:
    """The lesser of window and newest minute: bad in both, so neither over nor a blip."""
    window = traffic.error_rate
    if window is None or not is_busy(traffic):
        return 0.0
    # A fault that began a minute ago shows in the minute first.
    if traffic.error_minute is None:
        return window
    return traffic.error_minute if window >= BURNING else 0.0


def _severity(traffic: Traffic, rate: float) -> Severity | None:
    if rate >= MOSTLY:
        return Severity.OUTAGE
    if rate >= BAD:
        return Severity.DEGRADED
    was_well = traffic.error_past is not None and traffic.error_past <= NEXT_TO_NONE
    return Severity.RISK if rate >= BURNING and was_well else None
