"""What a plan stops on purpose: Jobs and CronJobs that are roots themselves, by suspend. Pure.

Only one that no Service selects. Whatever else vanishes or goes to zero counts as worst
(DESIGN.md, Health and TNR).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.change import Change
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.ref import Ref

SUSPEND = "spec.suspend"


def stopped(graph: Graph, incident: Incident | None, changes: Iterable[Change]) -> tuple[Ref, ...]:
    """The Jobs and CronJobs that these changes suspend, as far as the incident is theirs."""
    if incident is None:
        return ()
    roots = {(root.root.kind, root.root.namespace, root.root.name) for root in incident.roots}
    return tuple(sorted(set(_stopped(graph, roots, changes))))


def _stopped(
    graph: Graph, roots: set[tuple[str, str, str]], changes: Iterable[Change]
) -> Iterator[Ref]:
    for change in changes:
        if change.before is None or change.after is None:
            continue
        if value_at(change.after, SUSPEND) is not True or value_at(change.before, SUSPEND) is True:
            continue
        item = graph.snap.find(change.ref)
        if isinstance(item, Job | CronJob) and not _serves(graph, item):
            chain = (item, graph.top_owner(item))
            if any((it.KIND, it.metadata.namespace, it.metadata.name) in roots for it in chain):
                yield change.ref


def _serves(graph: Graph, item: KubeObject) -> bool:
    """Whether a Service sends traffic to its pods."""
    template = item.spec.template if isinstance(item, Job) else None
    if isinstance(item, CronJob):
        template = item.spec.job_template.spec.template
    labels = template.metadata.labels if template is not None else {}
    return any(
        service.spec.selector and matches_map(service.spec.selector, labels)
        for service in graph.services_in(item.metadata.namespace)
    )
