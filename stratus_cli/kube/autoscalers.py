"""HorizontalPodAutoscalers: their targets, and what they say that is missing. Pure."""

from __future__ import annotations

import re

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_workload import HorizontalPodAutoscaler, Workload

# pkg/controller/podautoscaler/metrics: "missing request for cpu in container app of Pod web-1"
MISSING_REQUEST = re.compile(
    r"missing request for ([\w./-]{1,100})(?: in container ([\w.-]{1,63}))?"
)


def sorted_autoscalers(graph: Graph) -> tuple[HorizontalPodAutoscaler, ...]:
    """Every autoscaler that is not being deleted, by namespace and name."""
    found = (
        item
        for item in graph.snap.of(HorizontalPodAutoscaler)
        if item.metadata.deletion_timestamp is None
    )
    return tuple(sorted(found, key=lambda item: (item.metadata.namespace, item.metadata.name)))


def target_of(graph: Graph, scaler: HorizontalPodAutoscaler) -> Workload | None:
    """The workload that it scales, or None."""
    target = scaler.spec.scale_target_ref
    for workload in graph.workloads_in(scaler.metadata.namespace):
        if (workload.KIND, workload.metadata.name) == (target.kind, target.name):
            return workload
    return None
