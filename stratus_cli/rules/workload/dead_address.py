"""WRK205 dead-address: a container is told to call an address that no Service answers.

Why it hurts: every call ends in a refused connection or a time-out, however well the callee is.

How we tell: an address in env, args or command names a Service of the cluster that has no such
port, or nearly the name of one that does. It is degraded when an earlier revision called what is
served, the address was set within the last hour, the Service's ports were set after the workload's
template, a log line complains about it, or the workload has fewer pods than it wants; else a risk,
since nobody may use the address.

Not this when: the Service is headless and its pods may serve the port, has no ports at all or is
an ExternalName; the name is no Service's at all (SVC303); the variable stands twice (WRK207).

First look: `kubectl get service NAME`: its ports, beside the address in `kubectl describe pod`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.called import (
    Called,
    called_by,
    containers_of,
    is_dead,
    misspelt,
    service_named,
    was_served,
)
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import read
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_facts import facts_of_pods
from stratus_cli.kube.log_patterns import CONNECTION
from stratus_cli.kube.pods import age_s
from stratus_cli.kube.timeline import LATER_S, template_changed_at
from stratus_cli.kube.workloads import older_replica_sets, short_of, sorted_workloads
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "WRK205",
    "dead-address",
    Severity.DEGRADED,
    needs=("Service", "Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
)

PREFIX = "spec.template.spec."


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload."""
    for workload in sorted_workloads(graph):
        dead = list(_dead(graph, workload))
        if not dead:
            continue
        hurts = short_of(graph, workload) > 0 or any(
            _was_changed(graph, workload, item)
            or _was_left_behind(graph, workload, item)
            or _is_complained_of(graph, workload, item)
            for item in dead
        )
        yield META.finding(
            ref_of(workload),
            "; ".join(_describe(graph, workload, item) for item in dead),
            severity=Severity.DEGRADED if hurts else Severity.RISK,
            evidence=tuple(piece for item in dead for piece in _evidence(graph, workload, item)),
        )


def _dead(graph: Graph, workload: Workload) -> Iterator[Called]:
    for path, container in containers_of(workload.spec.template.spec):
        for item in called_by(container, path):
            if is_dead(graph, workload.metadata.namespace, item):
                yield item


def _was_changed(graph: Graph, workload: Workload, item: Called) -> bool:
    """An earlier revision called what is served, or the field was set lately on its own."""
    field = PREFIX + item.field
    for old in older_replica_sets(graph, workload):
        value = read(old, field)
        if isinstance(value, str) and was_served(graph, workload.metadata.namespace, item, value):
            return True
    change = last_change(workload, field)
    lately = change is not None and age_s(graph, change.at) <= LATER_S
    return change is not None and not change.at_creation and lately


def _was_left_behind(graph: Graph, workload: Workload, item: Called) -> bool:
    """The Service's ports were set later than it was made, and than this template."""
    service = service_named(graph, workload.metadata.namespace, item.host)
    change = last_change(service, "spec.ports") if service is not None else None
    made = template_changed_at(graph, workload)
    return change is not None and not change.at_creation and made is not None and made < change.at


def _is_complained_of(graph: Graph, workload: Workload, item: Called) -> bool:
    pods = [ref_of(pod) for pod in graph.new_pods_of(workload)]
    said = facts_of_pods(graph.snap, pods, *CONNECTION)
    return any(fact.said.host == item.host and fact.said.port in (0, item.port) for fact in said)


def _describe(graph: Graph, workload: Workload, item: Called) -> str:
    meant = misspelt(graph, workload.metadata.namespace, item)
    if meant is not None:
        return f"calls {item.host}:{item.port}, and the Service is named {meant.metadata.name}"
    return f"calls {item.host}:{item.port}, and Service {item.host} has no port {item.port}"


def _evidence(graph: Graph, workload: Workload, item: Called) -> Iterator[Evidence]:
    yield field_evidence(workload, PREFIX + item.field)
    namespace = workload.metadata.namespace
    service = service_named(graph, namespace, item.host) or misspelt(graph, namespace, item)
    if service is not None:
        yield field_evidence(service, "spec.ports")
