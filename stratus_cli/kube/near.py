"""Workloads that a Service's selector misses by little, and what it would take to match."""

from __future__ import annotations

from dataclasses import dataclass

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload


@dataclass(frozen=True, slots=True)
class Near:
    """A workload that part of the selector matches.

    wrong: the keys that do not match, with the workload's own value, None where it has no such key.
    """

    workload: Workload
    matched: int
    wrong: dict[str, str | None]


def nearest_workloads(graph: Graph, service: Service) -> tuple[Near, ...]:
    """The workloads of the namespace whose template the selector misses by the fewest keys.

    At least one key must match, or the workload have the Service's name. () when it matches one.
    """
    selector = service.spec.selector
    found = []
    for workload in graph.workloads_in(service.metadata.namespace):
        labels = workload.spec.template.metadata.labels
        wrong = {
            key: labels.get(key) for key in sorted(selector) if labels.get(key) != selector[key]
        }
        matched = len(selector) - len(wrong)
        if not wrong:
            return ()
        if matched or workload.metadata.name == service.metadata.name:
            found.append(Near(workload, matched, wrong))
    fewest = min((len(near.wrong) for near in found), default=0)
    kept = [near for near in found if len(near.wrong) == fewest]
    # A workload that shares the Service's name is meant before others that miss by as much.
    named = [near for near in kept if near.workload.metadata.name == service.metadata.name]
    return tuple(
        sorted(
            named or kept,
            key=lambda near: (near.workload.KIND, near.workload.metadata.name),
        )
    )
