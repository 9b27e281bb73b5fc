"""Which new alerts count against a change: those that rest on nothing from before it. Pure.

An alert lags behind what it watches by its range, its `for`, a scrape and an evaluation. One that
fires late after a right fix is no news of it; one whose look-back lies wholly after the write is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from stratus_cli.kube.alerts import units_of_alert
from stratus_cli.kube.graph import Graph
from stratus_cli.model.health import Health
from stratus_cli.model.ref import Ref

SCRAPE_S = 60.0  # Prometheus' default for scrape_interval, where the source does not say


def alarms(
    graph: Graph, baseline: Sequence[Health], written_at: datetime
) -> Mapping[Ref, tuple[str, ...]]:
    """Names of the alerts that count, by unit. One that fired at baseline never does."""
    signals = graph.snap.signals
    rules = {rule.name: rule for rule in signals.rules}
    scrape_s = SCRAPE_S if signals.scrape_s is None else signals.scrape_s
    found: dict[Ref, set[str]] = defaultdict(set)
    for alert in signals.alerts:
        rule, since = rules.get(alert.name), alert.starts_at
        if rule is None or since is None or since.tzinfo is None:
            continue
        # Each sample of its look-back, the oldest as well, was scraped after the write.
        oldest_s = rule.look_back_s + rule.interval_s + scrape_s
        if not (since - written_at).total_seconds() >= oldest_s:  # NaN is no bound, either
            continue
        for ref in units_of_alert(graph, alert):
            if not any(alert.name in _alerts(health, ref) for health in baseline):
                found[ref].add(alert.name)
    return {ref: tuple(sorted(names)) for ref, names in found.items()}


def _alerts(health: Health, ref: Ref) -> tuple[str, ...]:
    unit = health.units.get(ref)
    return unit.alerts if unit is not None else ()
