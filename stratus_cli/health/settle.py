"""Settling: what of a change has not converged yet, per kind, and how long that may take. Pure.

A kind that is not in the table (Role, NetworkPolicy, PodDisruptionBudget, CronJob ...) converges
with the write: nothing in it follows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from stratus_cli.health.settle_service import service
from stratus_cli.health.settle_workload import has_all, pod, workload
from stratus_cli.kube.config_readers import CONFIGS, VOLUME_DELAY_S
from stratus_cli.kube.graph import Graph, config_maps_used
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.kube.pods import condition, is_live, is_ready
from stratus_cli.kube.workloads import sorted_workloads, wanted
from stratus_cli.model.objects_batch import Job
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.objects_workload import (
    Deployment,
    HorizontalPodAutoscaler,
    ReplicaSet,
    Workload,
)
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

BACK_OFF_S = 330.0  # kubelet: 300 s after crashes, 122 s for mounts (Kubernetes 1.34), and a bit
ENDPOINTS_S = 60.0  # the EndpointSlice controller takes a second; a minute says it is stuck

Check = Callable[[Graph, Ref, int, Collection[Ref]], Iterator[str]]


def unsettled(
    graph: Graph, written: Mapping[Ref, int], ill: Collection[Ref] = ()
) -> tuple[str, ...]:
    """What is still converging, as sentences; () when all is. written: ref -> generation or 0.

    ill: workloads that were broken before and are not ours, which nothing waits for unless they
    were written themselves.
    """
    found: list[str] = []
    for ref, generation in sorted(written.items()):
        check = _CHECKS.get(ref.kind)
        if check is not None:
            found.extend(check(graph, ref, generation, frozenset(ill) - written.keys()))
    return tuple(dict.fromkeys(found))


def deadline_s(graph: Graph, refs: Sequence[Ref]) -> float:
    """How long the written objects may take to converge."""
    limits = [ENDPOINTS_S]
    for ref in refs:
        item = graph.snap.find(ref)
        if isinstance(item, Deployment):
            limits.append(float(item.spec.progress_deadline_seconds))
        elif ref.kind in CONFIGS:
            limits.append(VOLUME_DELAY_S + BACK_OFF_S)  # a start just before fails once more
        elif ref.kind != "Service":
            limits.append(BACK_OFF_S)
    return max(limits)


def _config_map(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """Whoever needs it runs."""
    for item in graph.workloads_in(ref.namespace):
        names = {name for name, _, _ in config_maps_used(item.spec.template.spec)}
        if ref.name in names and not isinstance(item, ReplicaSet):
            yield from has_all(item, ill)


def _admission(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """Whoever was refused pods has them. API servers take a change of these up within a second."""
    for item in sorted_workloads(graph):
        if ref.namespace and item.metadata.namespace != ref.namespace:
            continue
        failure = condition(item.status.conditions, "ReplicaFailure")
        if failure is not None and failure.status == "True" and ref_of(item) not in ill:
            yield f"{item.KIND} {item.metadata.name}: its pods were refused"
            yield from has_all(item, ill)


def _job(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """Suspended and without pods; or ended; or with as many pods at work as it may have."""
    item = graph.snap.find(ref)
    if not isinstance(item, Job):
        return
    name, status = f"Job {ref.name}", item.status
    if _has_ended(item):
        return
    if item.spec.suspend:
        if status.active:
            yield f"{name}: {status.active} of its pods are still there"
        return
    parallel = 1 if item.spec.parallelism is None else item.spec.parallelism
    left = parallel if item.spec.completions is None else item.spec.completions - status.succeeded
    running = sum(
        is_live(made) and is_ready(made)
        for made in graph.snap.of(Pod)
        if any(owner.uid == item.metadata.uid for owner in made.metadata.owner_references)
    )
    if running < min(parallel, left):
        yield f"{name}: {running} of {min(parallel, left)} pods are ready, and it has not ended"


def _has_ended(job: Job) -> bool:
    found = (condition(job.status.conditions, word) for word in ("Complete", "Failed"))
    return any(item is not None and item.status == "True" for item in found)


def _autoscaler(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """Its controller has seen it, and what it scales has the number that it wants."""
    item = graph.snap.find(ref)
    if not isinstance(item, HorizontalPodAutoscaler) or not item.status.desired_replicas:
        return  # nothing says that a controller is at work
    name, desired = f"HorizontalPodAutoscaler {ref.name}", item.status.desired_replicas
    if not item.spec.min_replicas <= desired <= item.spec.max_replicas:
        yield f"{name}: its controller has not seen the change yet"
        return
    for scaled in graph.workloads_in(ref.namespace):
        if graph.autoscaler_of(scaled) is not item:
            continue
        if wanted(scaled) != desired:
            yield f"{name}: it wants {desired} pods, {scaled.metadata.name} {wanted(scaled)}"
        yield from has_all(scaled, ill)


def _claim(graph: Graph, ref: Ref, generation: int, ill: Collection[Ref]) -> Iterator[str]:
    """Bound, where somebody uses it (else it may wait for its first consumer), who then runs."""
    item = graph.snap.find(ref)
    users = [
        user
        for user in graph.workloads_in(ref.namespace)
        if not isinstance(user, ReplicaSet) and ref.name in _claims(user)
    ]
    if isinstance(item, PersistentVolumeClaim) and users and item.status.phase == "Pending":
        yield f"PersistentVolumeClaim {ref.name}: it is not bound yet"
    for user in users:
        yield from has_all(user, ill)


def _claims(item: Workload) -> set[str]:
    volumes = item.spec.template.spec.volumes
    used = (volume.persistent_volume_claim for volume in volumes)
    return {claim.claim_name for claim in used if claim is not None}


_CHECKS: Mapping[str, Check] = {
    **dict.fromkeys((*WORKLOADS, "ReplicaSet"), workload),
    **dict.fromkeys(
        (
            "ResourceQuota",
            "LimitRange",
            "Namespace",  # its labels choose the pod security level
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
        ),
        _admission,
    ),
    "Service": service,
    "ConfigMap": _config_map,
    "Job": _job,
    "HorizontalPodAutoscaler": _autoscaler,
    "PersistentVolumeClaim": _claim,
    "Pod": pod,
}
