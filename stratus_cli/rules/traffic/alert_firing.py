"""SLO003 alert-firing: an alert names a workload, Service, pod, node or claim.

Why it hurts: somebody wrote the alert because it does.

How we tell: Alertmanager has it as active, neither silenced nor inhibited, and its labels name an
object that is there. Degraded, unless its severity label says less (warning: a risk; info: a hint).
What rules of Stratus see by themselves (the Kubernetes mixin's Kube... alerts, which lag behind
them by minutes) is a risk at most.

Not this when: it names nothing that is there; it always fires (Watchdog).

First look: the alert's own runbook link, and `stratus health NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from stratus_cli.kube.alerts import units_of_alert
from stratus_cli.kube.evidence import alert_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert

META = RuleMeta("SLO003", "alert-firing", Severity.DEGRADED, needs=("Pod",))

SEVERITIES = {
    "warning": Severity.RISK,
    "warn": Severity.RISK,
    "info": Severity.HYGIENE,
    "none": Severity.HYGIENE,
}
SEEN_DIRECTLY = re.compile(r"^(?:Kube|Node|CPUThrottling|Target|Prometheus|Alertmanager|etcd)")
"""Alerts of kube-prometheus: about states that are read from the objects, or its own parts."""


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per object: its worst alert, with the others beside it."""
    found: dict[Ref, list[Alert]] = {}
    for alert in graph.snap.signals.alerts:
        there = (ref for ref in units_of_alert(graph, alert) if graph.snap.find(ref) is not None)
        for ref in islice(there, 1):  # the most telling label; others are the scraper's
            found.setdefault(ref, []).append(alert)
    for ref in sorted(found):
        alerts = sorted(found[ref], key=lambda item: (-_severity(item), item.name))
        names = ", ".join(dict.fromkeys(alert.name for alert in alerts))
        about = f" ({alerts[0].summary[:150]})" if alerts[0].summary else ""
        yield META.finding(
            ref,
            f"{names} fires{about}",
            severity=_severity(alerts[0]),
            confidence=Confidence.MEDIUM,
            evidence=tuple(alert_evidence(ref, alert) for alert in alerts),
        )


def _severity(alert: Alert) -> Severity:
    said = SEVERITIES.get(alert.labels.get("severity", "").lower(), Severity.DEGRADED)
    return min(said, Severity.RISK) if SEEN_DIRECTLY.match(alert.name) else said
