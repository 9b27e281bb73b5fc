"""When figures of traffic and logs count as bad, shared by rules, causes and health. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_network import Service
from stratus_cli.model.snapshot import Traffic, ref_of

LEAST_REQUESTS = 20  # DESIGN.md, Health and TNR: fewer in a window is "no traffic"

ACCUSING = ("SLO001", "SLO002", "SLO003", "SLO006", "SLO007")
"""Rules that say that a workload or Service does its work badly though its pods may be ready.

errors, latency, an alert, errors in the log, latency in the log. What accuses a caller may be its
callee's fault: `graph.calls.downstream(ref)` leads there.
"""


LAGGING = frozenset({"SLO003"})
"""Rules whose findings stay for a while after what they tell of is repaired: an alert looks back.

The gate does not wait for them to go; it weighs alerts by their own times.
"""


def is_busy(traffic: Traffic) -> bool:
    """Enough requests to say anything."""
    return traffic.requests is None or traffic.requests >= LEAST_REQUESTS


def units_with_traffic(graph: Graph, badness: Callable[[Traffic], float]) -> Iterator[Traffic]:
    """The units whose badness is above zero, by ref: workloads, and Services that stand alone.

    A Service's figures are mostly those of the workloads behind it: then only these are given.
    """
    bad = {item.ref: item for item in graph.snap.signals.traffic if badness(item) > 0}
    for ref in sorted(bad):
        item = graph.snap.find(ref)
        behind = graph.selected_workloads(item) if isinstance(item, Service) else ()
        if item is not None and not any(ref_of(workload) in bad for workload in behind):
            yield bad[ref]
