"""What telemetry still tells of the time before a change is neither its result nor an incident.

The window of a rate, the last lines of a log and a firing alert all hold the fault for minutes
after it is repaired. While a change is judged, no older log line counts. After the commit, for the
units that the change is about or reaches, only what came after it had converged is looked at;
everything else is seen as always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from stratus_cli.flow.fresh import count_since
from stratus_cli.flow.observe import with_signals
from stratus_cli.kube.alerts import unit_of, units_of_alert
from stratus_cli.kube.graph import Graph
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Ports, Windowed
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from stratus_cli.model.snapshot import Alert, LogTail, Signals, Snapshot, ref_of

Since = Mapping[Ref, datetime]


def kept_since(tx: TransactionReport, plan: Plan) -> dict[Ref, datetime]:
    """From when each unit's telemetry counts after this commit."""
    if tx.settled_at is None:
        return {}
    return dict.fromkeys((*plan.targets, *plan.blast_radius), tx.settled_at)


def without_echo(ports: Ports, snap: Snapshot, since: Since) -> Snapshot:
    """The snapshot without what is older for these units."""
    if not since:
        return snap
    graph = Graph(snap)
    since = {**since, **dict(_callers(graph, since))}
    signals, counted = snap.signals, _counted(ports, snap, max(since.values()))
    logs = tuple(_newer(tail, since.get(unit_of(graph, tail.pod))) for tail in signals.logs)
    alerts = tuple(alert for alert in signals.alerts if not _is_echo(graph, alert, since))
    traffic = (
        *(item for item in signals.traffic if item.ref not in since),
        *(item for item in counted.signals.traffic if item.ref in since),
    )
    return replace(
        snap,
        signals=replace(signals, logs=logs, alerts=alerts, traffic=traffic),
        gaps=tuple(dict.fromkeys((*snap.gaps, *counted.gaps))),
    )


def _callers(graph: Graph, since: Since) -> Iterator[tuple[Ref, datetime]]:
    """Whoever calls them, over however many others: the fault was theirs to tell of, too."""
    for workload in graph.workloads:
        ref = ref_of(workload)
        starts = [since[one] for one in graph.calls.downstream(ref) if one in since]
        if starts:
            yield ref, max([*starts, *([since[ref]] if ref in since else [])])


def logs_since(snap: Snapshot, start: datetime) -> Snapshot:
    """The snapshot without older log lines, whoever wrote them."""
    logs = tuple(_newer(tail, start) for tail in snap.signals.logs)
    return replace(snap, signals=replace(snap.signals, logs=logs))


def _newer(tail: LogTail, start: datetime | None) -> LogTail:
    if start is None or tail.previous or len(tail.times) != len(tail.lines):
        return tail
    kept = [number for number, at in enumerate(tail.times) if at >= start]
    return replace(
        tail,
        lines=tuple(tail.lines[number] for number in kept),
        times=tuple(tail.times[number] for number in kept),
    )


def _is_echo(graph: Graph, alert: Alert, since: Since) -> bool:
    """It began before the change, and is about what the change is about."""
    starts = [since[ref] for ref in units_of_alert(graph, alert) if ref in since]
    return bool(starts) and alert.starts_at is not None and alert.starts_at < max(starts)


def _counted(ports: Ports, snap: Snapshot, start: datetime) -> Snapshot:
    """The traffic since then, of sources that can count so; what they cannot tell is a gap."""
    counted = replace(snap, signals=Signals(), gaps=())
    count_since(ports, start)
    try:
        for source in ports.sources:
            if isinstance(source, Windowed):
                counted = with_signals(source, counted)
    finally:
        count_since(ports, None)
    return counted


def alerts_left_out(whole: Snapshot, seen: Snapshot) -> tuple[str, ...]:
    """A sentence about the alerts that still fire and are not counted; ()."""
    kept = set(map(id, seen.signals.alerts))
    names = dict.fromkeys(alert.name for alert in whole.signals.alerts if id(alert) not in kept)
    if not names:
        return ()
    return (f"not counted, since they began before the repair: alerts {', '.join(names)}",)
