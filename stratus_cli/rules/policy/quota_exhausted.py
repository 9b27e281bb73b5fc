"""POL501 quota-exhausted: a ResourceQuota is used up, so the next pod that needs it is refused.

Why it hurts: a deleted or rescheduled pod does not come back, and a rollout with surge stops.

How we tell: what is used has reached what is allowed. Where pods are being refused for it, that is
WRK202 as well, and degraded; else a risk.

Not this when: the limit is zero on purpose (nothing of that kind is allowed at all).

First look: `kubectl describe resourcequota`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_scheduling import ResourceQuota
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POL501", "quota-exhausted", Severity.RISK, needs=("ResourceQuota",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per quota."""
    for quota in sorted(
        graph.snap.of(ResourceQuota),
        key=lambda item: (item.metadata.namespace, item.metadata.name),
    ):
        full = [
            resource
            for resource, hard in sorted(quota.status.hard.items())
            if 0 < _amount(hard) <= _amount(quota.status.used.get(resource, "0"))
        ]
        if full:
            yield META.finding(
                ref_of(quota),
                f"used up: {', '.join(full)}",
                evidence=tuple(
                    field_evidence(quota, f"status.used{quoted(resource)}") for resource in full
                ),
            )


def _amount(text: str) -> Decimal:
    """0 for what is not a quantity: such a limit is not compared."""
    try:
        return parse_quantity(text)
    except ValueError:
        return Decimal(0)
