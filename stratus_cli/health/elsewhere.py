"""Units that suffer from a fault that was there before and is not this plan's. Pure.

Where two incidents have one front door, the repair of one leaves its errors as they are, or lets
them rise while they still spread: its traffic tells nothing of this repair (decision 025). What
else a unit shows, its pods and endpoints, is judged as ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from stratus_cli.health.callers import callers_of
from stratus_cli.health.verdict import Gate
from stratus_cli.kube.graph import Graph
from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.model.objects_network import Service
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

TRAFFIC = "SLO"
"""How the codes of rules about traffic begin."""


def elsewhere(
    gate: Gate, changed: Collection[Ref], baseline: Sequence[Health], now: Health, graph: Graph
) -> Mapping[Ref, Ref]:
    """By unit whose traffic is not judged: what it calls that is out, before and now.

    It had trouble with its traffic before, too, and no root of the plan is about that. Never every
    target: something must show that the change is right.
    """
    ours = {*gate.targets, *changed}
    found: dict[Ref, Ref] = {}
    for out in sorted(_out(baseline, now)):
        behind = _behind(graph, out)
        if ours.isdisjoint({out, *behind}):
            for ref in callers_of(graph, (out,)):
                if _was_ill(graph, ref, baseline):
                    found.setdefault(ref, out)
    for _, ref in gate.roots:
        found.pop(ref, None)
    return {} if found.keys() >= {*gate.targets} else found


def without_traffic(health: Health, refs: Collection[Ref]) -> Health:
    """The same, with no figures of these units' requests and nothing that rules say of them."""
    units = dict(health.units)
    for ref in refs:
        if ref in units:
            units[ref] = _silent(units[ref])
    return replace(health, units=units)


def _silent(unit: UnitHealth) -> UnitHealth:
    kept = tuple(rule for rule in unit.problems if not rule.startswith(TRAFFIC))
    return replace(unit, error_rate=None, error_minute=None, p99_s=None, problems=kept)


def _out(baseline: Sequence[Health], now: Health) -> Iterator[Ref]:
    """Units that serve nothing though something is wanted, in every sample and now."""
    for ref in now.units:
        seen = [health.units.get(ref) for health in (*baseline, now)]
        if all(unit is not None and _is_out(unit) for unit in seen):
            yield ref


def _is_out(unit: UnitHealth) -> bool:
    return bool(unit.wanted) and 0 in (unit.ready, unit.endpoints)


def _was_ill(graph: Graph, ref: Ref, baseline: Sequence[Health]) -> bool:
    """Whether rules accused it, or what is behind it, of its traffic in the newest sample."""
    units = baseline[-1].units if baseline else {}
    return any(
        rule.startswith(TRAFFIC)
        for one in (ref, *_behind(graph, ref))
        for rule in (units[one].problems if one in units else ())
    )


def _behind(graph: Graph, ref: Ref) -> tuple[Ref, ...]:
    item = graph.snap.find(ref)
    found = graph.selected_workloads(item) if isinstance(item, Service) else ()
    return tuple(ref_of(workload) for workload in found)
