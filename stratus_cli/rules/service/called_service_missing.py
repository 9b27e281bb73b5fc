"""SVC303 called-service-missing: workloads are told to call a Service that does not exist.

Why it hurts: the name does not resolve, so every such call fails, however well the callee is.

How we tell: an address in env, args, a ConfigMap or a trace names a Service of the cluster, and
there is none. It is degraded when the log of a pod that is not just starting says that the name
does not resolve, a workload is there that such a Service would front, or the caller has fewer pods
than it wants; else a risk, since nobody may use the address.

Not this when: the name is outside the cluster or in a namespace that was not read, or it nearly is
the name of a Service that is there (then the address is misspelt).

First look: `kubectl get services` beside the address; `kubectl get events` for who deleted it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.kube.calls import Call
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_facts import facts_of_pods
from stratus_cli.kube.log_patterns import UNRESOLVED
from stratus_cli.kube.missing_services import MissingService, missing_services
from stratus_cli.kube.pods import is_starting
from stratus_cli.kube.workloads import available, short_of
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "SVC303",
    "called-service-missing",
    Severity.DEGRADED,
    needs=("Service", "Pod", "Deployment", "ReplicaSet", "StatefulSet", "ConfigMap"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload that calls."""
    by_caller: dict[Ref, list[tuple[MissingService, Call]]] = defaultdict(list)
    for missing in missing_services(graph):
        for call in missing.calls:
            by_caller[call.caller].append((missing, call))
    for ref in sorted(by_caller):
        caller = graph.snap.find(ref)
        if isinstance(caller, Workload) and caller.metadata.deletion_timestamp is None:
            yield _finding(graph, caller, by_caller[ref])


def _finding(graph: Graph, caller: Workload, found: list[tuple[MissingService, Call]]) -> Finding:
    names = {missing.ref.name: missing for missing, _ in found}
    proofs = [
        piece
        for fact in facts_of_pods(
            graph.snap,
            [ref_of(pod) for pod in graph.pods_of(caller) if not is_starting(graph, pod)],
            UNRESOLVED,
        )
        if fact.said.host.partition(".")[0] in names
        for piece in (fact.evidence,)
    ]
    short = short_of(graph, caller) > 0 and not any(
        is_starting(graph, pod) for pod in graph.new_pods_of(caller)
    )
    hurts = bool(proofs) or short or any(item.workload for item in names.values())
    severity = Severity.DEGRADED if hurts else Severity.RISK
    if short and not available(caller):
        severity = Severity.OUTAGE
    return META.finding(
        ref_of(caller),
        f"calls {', '.join(sorted(names))}, and there is no such Service",
        severity=severity,
        evidence=(
            *(piece for missing, call in found for piece in _evidence(graph, missing, call)),
            *proofs[:2],
        ),
    )


def _evidence(graph: Graph, missing: MissingService, call: Call) -> Iterator[Evidence]:
    yield absent_evidence(missing.ref)
    source = graph.snap.find(call.source)
    if source is not None and call.field:
        yield field_evidence(source, call.field)
