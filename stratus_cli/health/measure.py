"""Measuring: the health vector of every unit in one snapshot, and the scalar for people.

H of a unit = 0.5*availability - 0.3*error_rate - 0.2*latency_p99, latency as a share of its
objective. A term that no source measures is left out and the rest is divided by the weights that
are left, so that a unit with all terms has exactly this value, and one with availability alone has
that. The gate is the vector (health.verdict); this number is only shown.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from stratus_cli.kube.alerts import unit_of, units_of_alert
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import condition, is_live, is_ready, parts
from stratus_cli.kube.selected import foreign_to
from stratus_cli.kube.slo import LAGGING, is_busy
from stratus_cli.kube.workloads import available, sorted_workloads, wanted
from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.health import Health, PodStage, UnitHealth
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Traffic, ref_of

AVAILABILITY, ERRORS, LATENCY = 0.5, 0.3, 0.2  # DESIGN.md, Health and TNR
P99_OBJECTIVE_S = 1.0
"""The latency of which a unit may use all before the term is 1. Our choice, where no SLO says."""


def measure(graph: Graph, findings: Sequence[Finding]) -> Health:
    """Every unit at the snapshot's moment."""
    problems = _problems(graph, findings)
    alerts = _alerts(graph)
    traffic = {item.ref: item for item in graph.snap.signals.traffic}
    units: dict[Ref, UnitHealth] = {}
    for unit in _units(graph):
        units[unit.ref] = _complete(unit, problems, alerts, traffic)
    scores = {ref: unit.score for ref, unit in units.items() if unit.score is not None}
    return Health(
        graph.snap.taken_at,
        units,
        sum(scores.values()) / len(scores) if scores else None,
        min(
            scores, key=lambda ref: (scores[ref], -len(units[ref].problems), str(ref)), default=None
        ),
        tuple(dict.fromkeys(gap.subject for gap in graph.snap.gaps)),
    )


def _units(graph: Graph) -> Iterator[UnitHealth]:
    for workload in sorted_workloads(graph):
        yield _workload(graph, workload)
    for service in graph.snap.of(Service):
        if service.spec.selector:
            behind = graph.selected_workloads(service)
            yield UnitHealth(
                ref_of(service),
                wanted=sum(map(wanted, behind)) or None,
                endpoints=_endpoints(graph, service),
                autoscaled=any(graph.autoscaler_of(workload) for workload in behind),
            )
    for node in graph.snap.of(Node):
        ready = condition(node.status.conditions, "Ready")
        yes = ready is not None and ready.status == "True"
        yield UnitHealth(ref_of(node), ready=int(yes), wanted=1)
    for claim in graph.snap.of(PersistentVolumeClaim):
        bound = claim.status.phase == "Bound"
        yield UnitHealth(ref_of(claim), ready=int(bound), wanted=1)


def _workload(graph: Graph, workload: Workload) -> UnitHealth:
    number = wanted(workload)
    return UnitHealth(
        ref_of(workload),
        stage=_stage(graph, workload) if number else None,
        # What a rollout has too many for a moment is no health that could be lost.
        ready=min(available(workload), number),
        wanted=number,
        autoscaled=graph.autoscaler_of(workload) is not None,
    )


def _stage(graph: Graph, workload: Workload) -> PodStage:
    """How far the least advanced pod of the wanted generation is; NONE when one is missing."""
    pods = [pod for pod in graph.new_pods_of(workload) if is_live(pod)]
    if len(pods) < wanted(workload):
        return PodStage.NONE
    return min((_pod_stage(pod) for pod in pods), default=PodStage.NONE)


def _pod_stage(pod: Pod) -> PodStage:
    if is_ready(pod):
        return PodStage.READY
    scheduled = condition(pod.status.conditions, "PodScheduled")
    if scheduled is None or scheduled.status != "True":
        return PodStage.NONE
    containers = [part.status for part in parts(pod) if not part.is_init]
    if not containers:
        return PodStage.SCHEDULED
    if all(status.state.running for status in containers):
        return PodStage.STARTED
    # An image id says that the image is there, whatever became of the container.
    pulled = all(status.image_id or status.state.running for status in containers)
    return PodStage.PULLED if pulled else PodStage.SCHEDULED


def _endpoints(graph: Graph, service: Service) -> int:
    """Pods that get traffic and that the selector means, a rollout's surplus cut.

    A leftover address, of a pod that is gone, does not count; a pod with an address of each family
    is one. Without readable pods each address counts.
    """
    strangers = _strangers(graph, service)
    means = {
        pod.metadata.name
        for pod in graph.selected_pods(service)
        if is_live(pod) and graph.workload_of(pod) not in strangers
    }
    known = graph.snap.was_read("Pod")
    serving = {
        endpoint.target_ref.name if endpoint.target_ref else ", ".join(endpoint.addresses)
        for endpoint in graph.ready_endpoints_of(service)
        if endpoint.target_ref is None or endpoint.target_ref.name in means or not known
    }
    own = (item for item in graph.selected_workloads(service) if item not in strangers)
    most = sum(wanted(workload) for workload in own)
    return min(len(serving), most) if most else len(serving)


def _strangers(graph: Graph, service: Service) -> tuple[Workload, ...]:
    """Workloads whose pods became endpoints by mistake: without them the Service is no worse."""
    found = foreign_to(graph, service)
    return found.others if found is not None and (found.late or found.unserved) else ()


def _complete(
    unit: UnitHealth,
    problems: Mapping[Ref, tuple[str, ...]],
    alerts: Mapping[Ref, tuple[str, ...]],
    traffic: Mapping[Ref, Traffic],
) -> UnitHealth:
    """The unit with what findings and telemetry say of it, and its score."""
    seen = traffic.get(unit.ref)
    busy = seen is not None and is_busy(seen)
    errors = _figure(seen.error_rate) if seen is not None and busy else None
    p99 = _figure(seen.p99_s) if seen is not None and busy else None
    found = problems.get(unit.ref, ())
    unit = unit if seen is None else _counted(unit, seen)
    return replace(
        unit,
        error_rate=errors,
        p99_s=p99,
        p99_low_s=_figure(seen.p99_low_s) if seen is not None and busy else None,
        p99_high_s=_figure(seen.p99_high_s) if seen is not None and busy else None,
        alerts=alerts.get(unit.ref, ()),
        problems=found,
        score=_score(_availability(unit, found), errors, p99),
    )


def _counted(unit: UnitHealth, seen: Traffic) -> UnitHealth:
    """With what its figures rest on, and how much they vary by themselves."""
    return replace(
        unit,
        requests=_figure(seen.requests),
        window_s=_figure(seen.window_s),
        error_mad=_figure(seen.error_mad),
        p99_mad=_figure(seen.p99_mad),
        error_minute=_figure(seen.error_minute),
    )


def _figure(value: float | None) -> float | None:
    """A source's number, or None for what is none (0/0, a bucket without bound)."""
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def _availability(unit: UnitHealth, problems: tuple[str, ...]) -> float | None:
    if unit.endpoints is not None:
        return 1.0 if unit.endpoints else 0.0
    if unit.wanted:
        return (unit.ready or 0) / unit.wanted
    # Nothing wanted is no outage, unless a rule has evidence that somebody wants it.
    return 0.0 if problems else None


def _score(availability: float | None, errors: float | None, p99: float | None) -> float | None:
    latency = None if p99 is None else min(1.0, p99 / P99_OBJECTIVE_S)
    terms = [
        (weight, sign * value)
        for weight, sign, value in (
            (AVAILABILITY, 1, availability),
            (ERRORS, -1, errors),
            (LATENCY, -1, latency),
        )
        if value is not None
    ]
    total = sum(weight for weight, _ in terms)
    return sum(weight * value for weight, value in terms) / total if terms else None


def _problems(graph: Graph, findings: Sequence[Finding]) -> dict[Ref, tuple[str, ...]]:
    """Rule codes of outage and degraded findings by unit; a pod's count for what owns it."""
    found: dict[Ref, set[str]] = defaultdict(set)
    for finding in findings:
        # An alert is a component of its own, with times of its own.
        if finding.severity >= Severity.DEGRADED and finding.rule not in LAGGING:
            found[unit_of(graph, finding.ref)].add(finding.rule)
    return {ref: tuple(sorted(rules)) for ref, rules in found.items()}


def _alerts(graph: Graph) -> dict[Ref, tuple[str, ...]]:
    """Names of firing alerts by the unit that their labels name."""
    found: dict[Ref, set[str]] = defaultdict(set)
    for alert in graph.snap.signals.alerts:
        for ref in units_of_alert(graph, alert):
            found[ref].add(alert.name)
    return {ref: tuple(sorted(names)) for ref, names in found.items()}
