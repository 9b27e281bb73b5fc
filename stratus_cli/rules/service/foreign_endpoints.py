"""SVC304 foreign-endpoints: a Service sends part of its requests to pods of another workload.

Why it hurts: those requests get the wrong program's answer, or are refused: a share of all calls
fails while every pod is ready.

How we tell: beside the workload of its own name its selector matches one of another name, with
other name labels, that has a Service of its own or does not serve the target port. It is degraded
when the selector was set later than the workloads were made, or the port is not served; else a
risk, since it may be meant.

Not this when: the workloads are variants of one name (web, web-canary); no workload has the
Service's name (then nothing says which are its own); the foreign one has no ready pod.

First look: `kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml`: targetRef.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.missing_services import NAME_LABELS
from stratus_cli.kube.pods import is_live, is_ready
from stratus_cli.kube.selected import SELECTOR, foreign_to
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "SVC304",
    "foreign-endpoints",
    Severity.DEGRADED,
    needs=("Service", "EndpointSlice", "Pod", "Deployment", "ReplicaSet", "StatefulSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Service."""
    for service in sorted(
        graph.snap.of(Service), key=lambda item: (item.metadata.namespace, item.metadata.name)
    ):
        found = foreign_to(graph, service)
        if found is None or not any(_has_ready_pod(graph, item) for item in found.others):
            continue
        names = ", ".join(f"{item.KIND} {item.metadata.name}" for item in found.others)
        yield META.finding(
            ref_of(service),
            f"its selector also matches pods of {names}",
            severity=Severity.DEGRADED if found.late or found.unserved else Severity.RISK,
            evidence=(
                field_evidence(service, SELECTOR),
                *(piece for item in (found.own, *found.others[:1]) for piece in _labels(item)),
            ),
        )


def _has_ready_pod(graph: Graph, workload: Workload) -> bool:
    return any(is_live(pod) and is_ready(pod) for pod in graph.pods_of(workload))


def _labels(workload: Workload) -> Iterator[Evidence]:
    labels = workload.spec.template.metadata.labels
    for key in NAME_LABELS:
        if key in labels:
            yield field_evidence(workload, f"spec.template.metadata.labels{quoted(key)}")
            return
