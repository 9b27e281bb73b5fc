"""Victims and the one they call: whose trouble follows from a root on the other side. Pure.

A caller whose own fault is not well explained, and who calls something that has a root, is taken
for a victim where its traffic fails, or where its logs speak of whom it calls. One that does
nothing wrong but log errors, as a store does whose clients ask for what is not there, is taken with
the root of the caller whose logs speak of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from stratus_cli.kube.graph import Graph
from stratus_cli.model.diagnosis import Diagnosis
from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

STRONG = 0.65
"""A root this sure may take the symptoms of who calls it. Our choice: as sure as what changed
shortly before, next to who suffers."""
WEAK = 0.6
"""Up to it a caller's own root gives way, where what it calls has a strong one; and a hint is none
beside a strong root of the same kind."""
TRAFFIC = "SLO"
FELT = ("POD101", "POD106", "POD107", "POD108", "WRK201", "WRK203", "SVC301")
"""What a program that waits for another one, or ends without it, shows."""
LOGGED = "SLO006"
"""Errors in the log of pods that are ready."""


def fold(
    graph: Graph, findings: Sequence[Finding], roots: Sequence[Diagnosis]
) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """(roots, with the symptoms of who calls them; weak ones that give way to those)."""
    strong = by_unit(graph, [root for root in roots if root.confidence >= STRONG])
    if not strong:
        return list(roots), []
    given_way = [root for root in roots if _gives_way(graph, root, strong)]
    kept = [root for root in roots if root not in given_way]
    explained = {key for root in kept for key in root.explains}
    more: dict[int, list[tuple[str, Ref]]] = defaultdict(list)
    grumblers = _grumblers(graph, findings)
    for finding in findings:
        if finding.key in explained or finding.severity < Severity.DEGRADED:
            continue
        behind = _follows(graph, finding, strong)
        if behind is None and finding.rule == LOGGED:
            behind = _asker(graph, unit_of(graph, finding.ref), grumblers, strong)
        if behind is not None:
            more[id(behind)].append(finding.key)
    return [replace(root, explains=(*root.explains, *more[id(root)])) for root in kept], given_way


def _gives_way(graph: Graph, root: Diagnosis, strong: Mapping[Ref, Diagnosis]) -> bool:
    """Whether all it explains is what callers of a strong root would show anyway.

    The callers are those it explains: its own object, a ConfigMap say, may call nothing.
    """
    if root.confidence > WEAK or not all(_is_felt(rule) for rule, _ in root.explains):
        return False
    callers = {unit for _, ref in root.explains for unit in _behind(graph, unit_of(graph, ref))}
    return all(culprit(graph, caller, strong) is not None for caller in callers) and any(
        speaks_of_callees(graph, caller) for caller in callers
    )


def _grumblers(graph: Graph, findings: Sequence[Finding]) -> set[Ref]:
    """The units that do nothing worse than log errors."""
    rules: dict[Ref, set[str]] = defaultdict(set)
    for finding in findings:
        if finding.severity >= Severity.DEGRADED:
            rules[unit_of(graph, finding.ref)].add(finding.rule)
    return {unit for unit, found in rules.items() if found == {LOGGED}}


def _asker(
    graph: Graph, unit: Ref, grumblers: set[Ref], strong: Mapping[Ref, Diagnosis]
) -> Diagnosis | None:
    """The root of a caller whose logs name this unit, which only logs errors itself."""
    if unit not in grumblers:
        return None
    callers = [ref for ref in graph.calls.callers(unit) if ref in strong]
    callers.sort(key=lambda ref: strong[ref].root != ref)  # its own root before another's
    item = graph.snap.find(unit)
    services = graph.services_of(item) if isinstance(item, Workload) else ()
    named = {unit.name, *(ref_of(service).name for service in services)}
    return next((strong[ref] for ref in callers if speaks_of(graph, ref, named)), None)


def _behind(graph: Graph, ref: Ref) -> tuple[Ref, ...]:
    """The workloads behind a Service, whose calls and logs are theirs; else the object itself."""
    item = graph.snap.find(ref)
    found = graph.selected_workloads(item) if isinstance(item, Service) else ()
    return tuple(ref_of(workload) for workload in found) or (ref,)


def by_unit(graph: Graph, roots: Sequence[Diagnosis]) -> Mapping[Ref, Diagnosis]:
    """The root of each workload, Service or other object that one is about or explains."""
    found: dict[Ref, Diagnosis] = {}
    for root in roots:
        item = graph.snap.find(root.root)
        refs = [root.root]
        if isinstance(item, Workload):
            refs += [ref_of(service) for service in graph.services_of(item)]
        elif isinstance(item, Service):
            refs += [ref_of(workload) for workload in graph.selected_workloads(item)]
        refs += [unit_of(graph, ref) for _, ref in root.explains]
        for ref in refs:
            found.setdefault(ref, root)
    return found


def unit_of(graph: Graph, ref: Ref) -> Ref:
    """The top owner of a symptom's object, or the object itself."""
    item = graph.snap.find(ref)
    return ref_of(graph.top_owner(item)) if item is not None else ref


def culprit(graph: Graph, caller: Ref, strong: Mapping[Ref, Diagnosis]) -> Diagnosis | None:
    """The nearest root of what this one calls, directly or through others."""
    return next((strong[ref] for ref in graph.calls.downstream(caller) if ref in strong), None)


def _follows(graph: Graph, finding: Finding, strong: Mapping[Ref, Diagnosis]) -> Diagnosis | None:
    """The root on the other side from which this finding follows; None also for mere traffic."""
    if finding.rule not in FELT:
        return None
    owner = unit_of(graph, finding.ref)
    behind = culprit(graph, owner, strong)
    return behind if behind is not None and speaks_of_callees(graph, owner) else None


def speaks_of_callees(graph: Graph, caller: Ref) -> bool:
    """Whether the logs of its pods name whom it calls."""
    return speaks_of(graph, caller, {call.callee.name for call in graph.calls.of(caller)})


def speaks_of(graph: Graph, caller: Ref, names: Collection[str]) -> bool:
    """Whether the logs of its pods have one of these names as a word."""
    if not names:
        return False
    any_of = "|".join(re.escape(name) for name in sorted(names))
    word = re.compile(rf"(?<![\w-])(?:{any_of})(?![\w-])")
    item = graph.snap.find(caller)
    pods = graph.pods_of(item) if isinstance(item, Workload) else ()
    refs = {ref_of(pod) for pod in pods} | ({caller} if isinstance(item, Pod) else set())
    return any(
        word.search(line)
        for tail in graph.snap.signals.logs
        if tail.pod in refs
        for line in tail.lines
    )


def _is_felt(rule: str) -> bool:
    return rule in FELT or _is_traffic(rule)


def _is_traffic(rule: str) -> bool:
    return rule.startswith(TRAFFIC)
