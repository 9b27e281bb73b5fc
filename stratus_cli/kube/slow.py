"""Which workloads something says to be slow: traffic, callers' time-outs in logs, probes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median

from stratus_cli.kube.called import service_named
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_facts import log_facts
from stratus_cli.kube.log_latency import slower
from stratus_cli.kube.log_patterns import TIMED_OUT
from stratus_cli.kube.pods import EVENT_WINDOW_S, age_s
from stratus_cli.kube.slo import is_busy
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Traffic, ref_of

TIMES = 2.0  # our choice: users notice; far beyond the 20 % that count as noise (DESIGN.md)
DEVIATIONS = 3.0  # DESIGN.md, Health and TNR
LEAST_S = 0.1  # our choice: less is not felt (Nielsen's limit of "at once")
LEAST_OTHERS = 5  # our choice, as telemetry.noise: a median of fewer is moved by two of them
SLOW_S = 1.0  # health: the objective where no SLO says

PROBE_LATE = re.compile(
    r"probe failed.*(?:timeout|timed out|deadline exceeded|Client\.Timeout)", re.IGNORECASE
)


def newest_p99(traffic: Traffic) -> float | None:
    """Of the newest minute, else of the window. Seconds."""
    return traffic.p99_s if traffic.p99_minute is None else traffic.p99_minute


def p99_before(traffic: Traffic) -> float | None:
    """What it is compared with: its past, or of a young unit all but the newest minute. Seconds."""
    return traffic.p99_young if traffic.p99_past is None else traffic.p99_past


def is_slower(graph: Graph, traffic: Traffic) -> bool:
    """For sure much slower than in the half hour before, beyond how much it varies by itself.

    Times what has slowed down the units that have no part in its calls.
    """
    now, much = _least_p99(traffic), _much(traffic)
    if now is None or much is None or now < much:
        return False
    return now >= much * shared_slowness(graph, traffic.ref)


def seems_slower(traffic: Traffic) -> bool:
    """By the figure alone: enough to look closer, and for what else tells of slowness to count."""
    now, much = newest_p99(traffic), _much(traffic)
    return now is not None and much is not None and now >= much


def _much(traffic: Traffic) -> float | None:
    """The p99 that is much more than in the half hour before; None where nobody knows."""
    past = p99_before(traffic)
    if past is None or not is_busy(traffic):
        return None
    return max(TIMES * past, past + DEVIATIONS * (traffic.p99_mad or 0.0), past + LEAST_S)


def shared_slowness(graph: Graph, ref: Ref) -> float:
    """How many times slower than before the other units are, in the median; 1 for too few of them.

    As canary analysis does (Kayenta): what it is compared with runs at the same time, so a machine
    that is slow as a whole accuses nobody. Not compared with what it calls or what calls it, at any
    distance: these are slow because of it, or it because of them. A Service counts as the workloads
    behind it, so that each has one vote.
    """
    own = (ref, *_workloads(graph, ref))
    near = {*own}.union(
        *(graph.calls.upstream(unit) for unit in own),
        *(graph.calls.downstream(unit) for unit in own),
    )
    times: dict[frozenset[Ref], float] = {}
    for traffic in graph.snap.signals.traffic:
        now, past = newest_p99(traffic), p99_before(traffic)
        unit = frozenset(_workloads(graph, traffic.ref)) or frozenset((traffic.ref,))
        if now is not None and past and is_busy(traffic) and near.isdisjoint({traffic.ref, *unit}):
            times.setdefault(unit, now / past)
    return max(1.0, median(times.values())) if len(times) >= LEAST_OTHERS else 1.0


def _least_p99(traffic: Traffic) -> float | None:
    """What newest_p99 is at least."""
    low = traffic.p99_low_s if traffic.p99_minute is None else traffic.p99_minute_low_s
    return newest_p99(traffic) if low is None else low


def is_over_objective(traffic: Traffic) -> bool:
    """Slow by any measure, where nothing is known of before."""
    now = newest_p99(traffic)
    return traffic.p99_past is None and now is not None and now >= SLOW_S and is_busy(traffic)


def slow_units(graph: Graph) -> frozenset[Ref]:
    """Workloads that are accused of being slow, and those that these call."""
    named = set(_named(graph))
    return frozenset(named.union(*(graph.calls.downstream(ref) for ref in named)))


def _named(graph: Graph) -> Iterator[Ref]:
    for traffic in graph.snap.signals.traffic:
        if seems_slower(traffic) or is_over_objective(traffic):
            yield from _workloads(graph, traffic.ref)
    yield from (found.owner for found in slower(graph))
    for fact in log_facts(graph.snap):
        host = fact.said.host
        if fact.kind == TIMED_OUT and host:
            service = service_named(graph, fact.pod.namespace, host)
            if service is not None:
                yield from _workloads(graph, ref_of(service))
    for event in graph.snap.events:
        about = event.involved_object
        if event.reason != "Unhealthy" or not PROBE_LATE.search(event.message):
            continue
        pod = graph.snap.get(Pod, about.namespace, about.name)
        if pod is not None and age_s(graph, event.last_seen) <= EVENT_WINDOW_S:
            yield ref_of(graph.top_owner(pod))


def _workloads(graph: Graph, ref: Ref) -> Iterator[Ref]:
    item = graph.snap.find(ref)
    if isinstance(item, Service):
        yield from (ref_of(workload) for workload in graph.selected_workloads(item))
    elif item is not None:
        yield ref
