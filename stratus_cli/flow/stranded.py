"""Pods of a former template that still serve while the present one does not come up.

Scaling such a Deployment down may take them, and scaling it up again makes pods of the present
template: every field would read as before, and the service would be gone. Pure.
"""

from __future__ import annotations

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.workloads import older_replica_sets
from stratus_cli.model.objects_workload import Deployment
from stratus_cli.model.plan import Plan, Refusal

REPLICAS = "spec.replicas"


def stranded(plan: Plan, graph: Graph) -> Refusal | None:
    """A plan whose way back would not bring back the pods that serve now."""
    for step in plan.steps:
        change = step.change
        if change.before is None or change.after is None or change.ref in plan.stops:
            continue
        old, new = value_at(change.before, REPLICAS), value_at(change.after, REPLICAS)
        if not (isinstance(old, int) and isinstance(new, int) and new < old):
            continue
        item = graph.snap.find(change.ref)
        if not isinstance(item, Deployment):
            continue
        ready = sum(one.status.ready_replicas for one in older_replica_sets(graph, item))
        if ready:
            return Refusal(
                "rollout",
                f"{ready} ready pods of {change.ref} are of a former revision; scaled down and up"
                " again they would be of the present one",
                "finish the rollout or take it back first",
            )
    return None
