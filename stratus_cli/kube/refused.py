"""What the API server refuses or cannot reach: who holds it up, and how to make it try again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from stratus_cli.kube.admission import webhook_failure, webhooks_named
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.workloads import holders
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_admission import APIService
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

PODS_REFUSED = "WRK202"


def refused(graph: Graph, findings: Iterable[Finding]) -> Iterator[tuple[Finding, Workload]]:
    """(finding, workload) for each workload whose pods are refused."""
    for finding in findings:
        workload = graph.snap.find(finding.ref)
        if finding.rule == PODS_REFUSED and isinstance(workload, Workload):
            yield finding, workload


def relying_on(
    graph: Graph, findings: Iterable[Finding], services: Collection[Service]
) -> Iterator[tuple[str, Ref]]:
    """What the API server cannot do while nobody behind these Services answers.

    Workloads elsewhere whose pods a webhook refuses, and aggregated APIs. As findings: (rule, ref).
    """
    names = {(item.metadata.namespace, item.metadata.name) for item in services}
    if not names:
        return
    for api in graph.snap.of(APIService):
        served = api.spec.service
        if served is not None and (served.namespace, served.name) in names:
            yield "CTL804", ref_of(api)
    for finding, workload in refused(graph, findings):
        failure = webhook_failure(finding.message)
        if failure is None or failure.why in ("certificate", "path", "name"):
            continue
        for _, webhook in webhooks_named(graph, failure.webhook):
            served = webhook.client_config.service
            if served is not None and (served.namespace, served.name) in names:
                yield finding.rule, ref_of(workload)


def nudges(graph: Graph, workloads: Iterable[Workload]) -> dict[str, object]:
    """Facts of a line that makes the controllers try at once: who tries, as kind/name, and when.

    Without it they try again when their back-off ends, after up to 16 minutes. Only those of the
    first one's namespace: a line is about one namespace.
    """
    asked = list(workloads)
    space = asked[0].metadata.namespace if asked else ""
    stuck = {
        f"{holder.KIND.lower()}/{holder.metadata.name}"
        for workload in asked
        if workload.metadata.namespace == space
        for holder in holders(graph, workload)
    }
    return {"stuck": sorted(stuck), "nudge": f"{graph.snap.taken_at:%Y-%m-%dT%H:%M:%SZ}"}


def is_newer(item: KubeObject, workloads: Iterable[Workload]) -> bool:
    """It came after every one of these workloads: without it they worked."""
    made = item.metadata.creation_timestamp
    ages = [workload.metadata.creation_timestamp for workload in workloads]
    return made is not None and bool(ages) and all(age is not None and made > age for age in ages)
