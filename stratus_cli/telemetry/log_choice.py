"""Which ready pods' logs are worth reading: of workloads that something accuses, then of others.

A program that answers errors while all its pods are ready says so in its log, and perhaps nowhere
else. How many are read is bounded, so the order decides.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.lately import changed_at
from stratus_cli.kube.pods import age_s, is_live, is_ready, parts
from stratus_cli.kube.slo import LEAST_REQUESTS
from stratus_cli.kube.workloads import available, sorted_workloads, wanted
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_batch import Job
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

CHANGED_S = 3600.0  # our choice: who looks for a fault looks within the hour
ACCUSED, DEPENDENT, CHANGED, FRONT, OTHER, SYSTEM = range(6)
SOME_ERRORS = 0.01  # a share of requests at which its log is worth a look; nothing is judged by it


def chosen(graph: Graph) -> Iterator[tuple[Ref, str]]:
    """(pod, container), likeliest first: one ready pod of each workload, then a second one."""
    accused, short = _accused(graph), _short(graph)
    ranked = sorted(
        (
            (_rank(graph, owner, accused, short), str(ref_of(owner)), owner)
            for owner in _owners(graph)
        ),
        key=lambda item: item[:2],
    )
    for round_ in range(2):
        for _, _, owner in ranked:
            pods = [pod for pod in _pods(graph, owner) if is_live(pod) and is_ready(pod)]
            pods.sort(key=lambda pod: pod.metadata.name)
            for pod in pods[round_ : round_ + 1]:
                for part in parts(pod):
                    if not part.is_init and part.status.state.running:
                        yield ref_of(pod), part.status.name


def _owners(graph: Graph) -> Iterator[KubeObject]:
    yield from sorted_workloads(graph)
    yield from (job for job in graph.snap.of(Job) if job.status.active)


def _pods(graph: Graph, owner: KubeObject) -> list[Pod]:
    if isinstance(owner, Workload):
        return list(graph.new_pods_of(owner)) or list(graph.pods_of(owner))
    return [pod for pod in graph.owned_by(owner) if isinstance(pod, Pod)]


def _rank(graph: Graph, owner: KubeObject, accused: frozenset[Ref], short: frozenset[Ref]) -> int:
    ref = ref_of(owner)
    if ref in accused:
        return ACCUSED
    callees = graph.calls.callees(ref)
    if any(call.absent for call in graph.calls.of(ref)) or any(item in short for item in callees):
        return DEPENDENT
    at = changed_at(graph, owner)
    if at is not None and age_s(graph, at) <= CHANGED_S:
        return CHANGED
    if owner.metadata.namespace.startswith("kube-"):
        return SYSTEM
    callers = graph.calls.callers(ref)
    return FRONT if any(caller.kind == "Ingress" for caller in callers) or not callers else OTHER


def _accused(graph: Graph) -> frozenset[Ref]:
    """Workloads that alerts or traffic name, and those that these call."""
    named: set[Ref] = set()
    for traffic in graph.snap.signals.traffic:
        if (traffic.error_rate or 0) >= SOME_ERRORS and (traffic.requests or 0) >= LEAST_REQUESTS:
            named.add(traffic.ref)
    for alert in graph.snap.signals.alerts:
        space = alert.labels.get("namespace", "")
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "Service", "Pod"):
            name = alert.labels.get(kind.lower())
            item = graph.snap.find(Ref(kind, space, name)) if name else None
            if item is not None:
                named.add(ref_of(graph.top_owner(item)))
    return frozenset(named.union(*(graph.calls.downstream(ref) for ref in named)))


def _short(graph: Graph) -> frozenset[Ref]:
    """Workloads that have fewer pods than they want."""
    return frozenset(
        ref_of(item) for item in sorted_workloads(graph) if available(item) < wanted(item)
    )
