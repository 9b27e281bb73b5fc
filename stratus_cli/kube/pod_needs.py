"""What a pod asks of its node, and what the scheduler wrote about it. Pure.

Affinity and spread constraints hang in a pod spec as raw JSON; they are decoded here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.node_match import tolerates
from stratus_cli.kube.pods import condition
from stratus_cli.kube.quantities import amount
from stratus_cli.model.objects_pod import Pod, PodSpec
from stratus_cli.model.objects_scheduling import Affinity, Node, PodAffinityTerm, Taint
from stratus_cli.model.objects_storage import PersistentVolume, PersistentVolumeClaim

StructT = TypeVar("StructT")


def requests_of(spec: PodSpec) -> Mapping[str, Decimal]:
    """What a pod asks for, by resource, with "pods" for its own place on a node.

    Containers and sidecars together, or the largest init container where that is more. Where only
    a limit is set, the request is equal to it (API defaulting).
    """
    total: dict[str, Decimal] = defaultdict(Decimal)
    for container in spec.containers:
        for resource, text in (container.resources.limits | container.resources.requests).items():
            total[resource] += amount(text)
    for container in spec.init_containers:
        resources = container.resources.limits | container.resources.requests
        for resource, text in resources.items():
            if container.restart_policy == "Always":
                total[resource] += amount(text)
            else:
                total[resource] = max(total[resource], amount(text))
    return {**{name: value for name, value in total.items() if value > 0}, "pods": Decimal(1)}


def affinity_of(spec: PodSpec) -> Affinity | None:
    """A pod spec's affinity; None when it has none, or one that cannot be read."""
    return decoded(spec.affinity, Affinity) if spec.affinity else None


def anti_affinity_terms(spec: PodSpec) -> tuple[PodAffinityTerm, ...]:
    """The terms by which a pod must not share a place with others."""
    affinity = affinity_of(spec)
    apart = affinity.pod_anti_affinity if affinity else None
    return apart.required_during_scheduling_ignored_during_execution if apart else ()


def volumes_of(graph: Graph, pod: Pod) -> Iterator[PersistentVolume]:
    """The volumes that the pod's claims are bound to, as far as they were read."""
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is None:
            continue
        name = volume.persistent_volume_claim.claim_name
        claim = graph.snap.get(PersistentVolumeClaim, pod.metadata.namespace, name)
        bound = claim.spec.volume_name if claim else ""
        found = graph.snap.get(PersistentVolume, "", bound) if bound else None
        if found is not None:
            yield found


def scheduler_says(pod: Pod) -> str:
    """What the scheduler wrote about a pod that it cannot place, or ""."""
    scheduled = condition(pod.status.conditions, "PodScheduled")
    return scheduled.message if scheduled and scheduled.status == "False" else ""


def untolerated(pod: Pod, node: Node) -> Iterator[Taint]:
    """The node's taints that keep the pod from being put there."""
    for taint in node.spec.taints:
        if taint.effect in ("NoSchedule", "NoExecute") and not tolerates(pod.spec, taint):
            yield taint


def decoded(raw: Any, struct: type[StructT]) -> StructT | None:  # noqa: ANN401  # JSON
    """Raw JSON as this Struct, or None when it is not one."""
    try:
        return msgspec.convert(raw, struct)
    except msgspec.ValidationError:
        return None
