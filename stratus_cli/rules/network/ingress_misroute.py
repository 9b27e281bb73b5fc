"""NET702 ingress-misroute: an Ingress routes to what is not there, or not to what is meant.

Why it hurts: requests from outside get an error or another program's answer, while every pod is
ready.

How we tell: a backend's Service does not exist, has no such port, or the Ingress names a class
that does not exist while others do. Or, in an Ingress that was edited after it was made, a path
leads to another Service than was last applied, or than it is named for while all other paths lead
to theirs, or everything leads to a Service behind the only one that no other Service's pods call.

Not this when: Services could not be read; the backend is no Service; the other Service is a variant
of the name (web, web-canary); the Ingress was made so.

First look: `kubectl describe ingress NAME`: backends with an error beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.routes import Misroute, misroutes_of, missing_class, routes_of
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_network import Ingress, Service
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("NET702", "ingress-misroute", Severity.DEGRADED, needs=("Ingress", "Service"))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Ingress."""
    for ingress in sorted(
        graph.snap.of(Ingress), key=lambda item: (item.metadata.namespace, item.metadata.name)
    ):
        if ingress.metadata.deletion_timestamp is not None:
            continue
        wrong = list(misroutes_of(graph, ingress))
        absent = missing_class(graph, ingress)
        if not wrong and not absent:
            continue
        said = [_describe(item) for item in wrong]
        evidence = [piece for item in wrong for piece in _evidence(graph, item)]
        if absent:
            said.append(f"its class {absent} does not exist")
            evidence.append(field_evidence(ingress, "spec.ingressClassName"))
        whole = absent or len(wrong) == len(list(routes_of(ingress)))
        yield META.finding(
            ref_of(ingress),
            "; ".join(said),
            severity=Severity.OUTAGE if whole else Severity.DEGRADED,
            evidence=tuple(evidence),
        )


def _describe(item: Misroute) -> str:
    name = item.route.backend.name
    if item.why == "no-service":
        return f"{item.route} leads to Service {name}, which does not exist"
    if item.why == "no-port":
        return f"{item.route} leads to port {item.observed}, which Service {name} does not have"
    return f"{item.route} leads to Service {name}, and {item.expected} is {item.source}"


def _evidence(graph: Graph, item: Misroute) -> Iterator[Evidence]:
    ingress = item.route.ingress
    yield field_evidence(ingress, item.field)
    if item.why == "no-service":
        name = item.route.backend.name
        yield absent_evidence(Ref("Service", ingress.metadata.namespace, name, "v1"))
    if item.why == "no-port":
        service = graph.snap.get(Service, ingress.metadata.namespace, item.route.backend.name)
        if service is not None:
            yield field_evidence(service, "spec.ports")
