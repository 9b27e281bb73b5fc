"""SVC306 external-name: a Service that is called is only a name, and leads past its own pods.

Why it hurts: callers are sent to the name that it says, which does not exist or is not the program
that they mean, while the pods that it used to lead to are idle.

How we tell: the type is ExternalName, somebody calls the Service, and either its selector still
matches a workload, or the name is a Service of the cluster that is not there.

Not this when: it has no selector and the name is outside the cluster; nobody calls it.

First look: `kubectl get service NAME -o yaml`, type and externalName.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.external_names import EXTERNAL, leads_nowhere, leads_past
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "SVC306",
    "external-name",
    Severity.OUTAGE,
    needs=("Service", "Pod", "Deployment", "ReplicaSet", "StatefulSet"),
)


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Service."""
    for service in sorted(
        graph.snap.of(Service), key=lambda item: (item.metadata.namespace, item.metadata.name)
    ):
        if service.spec.type != EXTERNAL or not graph.calls.to(ref_of(service)):
            continue
        past = leads_past(graph, service)
        if past:
            said = f"it leads to {service.spec.external_name} past {', '.join(past)}"
        elif leads_nowhere(graph, service):
            said = f"it leads to {service.spec.external_name}, and there is no such Service"
        else:
            continue
        yield META.finding(
            ref_of(service),
            said,
            evidence=(
                field_evidence(service, "spec.type"),
                field_evidence(service, "spec.externalName"),
            ),
        )
