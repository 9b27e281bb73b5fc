"""When figures of traffic and logs count as bad, shared by rules, causes and health. Pure."""

from __future__ import annotations

from stratus_cli.model.snapshot import Traffic

LEAST_REQUESTS = 20  # DESIGN.md, Health and TNR: fewer in a window is "no traffic"

ACCUSING = ("SLO001", "SLO002", "SLO003", "SLO006")
"""Rules that say that a workload or Service does its work badly though its pods may be ready.

errors, latency, an alert, errors in the log. What accuses a caller may be its callee's fault:
`graph.calls.downstream(ref)` leads there.
"""


def is_busy(traffic: Traffic) -> bool:
    """Enough requests to say anything."""
    return traffic.requests is None or traffic.requests >= LEAST_REQUESTS
