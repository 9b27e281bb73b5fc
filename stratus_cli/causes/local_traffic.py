"""A Service's internalTrafficPolicy is Local, and its callers run on nodes without an endpoint.

How we know: kube-proxy drops such requests by definition; the callers' nodes and the endpoints'
nodes are both in the objects.

Known good: the policy in a recording or as last applied; else Cluster, the API's default.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.local_traffic import FIELD, stranded_callers
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("local-traffic", "the Service answers only callers on its pods' own nodes")
DEFAULT = "Cluster"
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Service."""
    for finding in case.of_rule("SVC305"):
        service = case.graph.snap.find(finding.ref)
        if not isinstance(service, Service):
            continue
        goods = case.known_good.service_field(service, FIELD)
        change = last_change(service, FIELD)
        was_changed = change is not None and not change.at_creation
        facts: dict[str, object] = {
            "namespace": service.metadata.namespace,
            "service": service.metadata.name,
            "good_policy": DEFAULT,
            "source": goods[0].source if goods else "the API's default",
        }
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=ref_of(service),
            field=FIELD,
            observed="Local",
            expected=DEFAULT,
            confidence=0.95 if goods or was_changed else 0.88,
            facts=facts | case.changed(service, FIELD),
            evidence=finding.evidence,
            explains=_explains(case, service),
            check="call it from a node that has a pod of it, and from one that has none",
        )


def _explains(case: Case, service: Service) -> tuple[tuple[str, Ref], ...]:
    """The Service's own findings, and those of callers that have a pod on a node without it."""
    keys: list[tuple[str, Ref]] = [("SVC305", ref_of(service))]
    for workload in case.graph.selected_workloads(service):
        found = accused_by_traffic(case.graph, case.findings, workload)
        keys.extend(item.key for item in found if item.ref == ref_of(service))
    pods: tuple[Pod, ...] = stranded_callers(case.graph, case.graph.calls, service)
    for pod in pods:
        keys.extend((code, ref_of(pod)) for code in SHOWS_IN)
        owner = case.graph.top_owner(pod)
        if isinstance(owner, Workload):
            found = accused_by_traffic(case.graph, case.findings, owner)
            keys.extend(item.key for item in found)
            keys.extend(case.consequences(owner))
    return case.present(keys)
