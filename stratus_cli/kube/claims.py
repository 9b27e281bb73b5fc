"""Claims: who uses them, and which volumes would do. Pure (Kubernetes API, Persistent Volumes)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_live
from stratus_cli.kube.quantities import amount
from stratus_cli.kube.selectors import matches
from stratus_cli.model.objects_pod import Pod, PodSpec
from stratus_cli.model.objects_storage import PersistentVolume, PersistentVolumeClaim, StorageClass

_NOT_FOUND = re.compile(r'persistentvolumeclaim "([^"]{1,253})" not found')
NO_PROVISIONER = "kubernetes.io/no-provisioner"


def claims_used(spec: PodSpec) -> Iterator[tuple[str, str]]:
    """(claim name, field path below the pod spec) of each volume that is a claim."""
    for volume in spec.volumes:
        if volume.persistent_volume_claim is not None:
            path = f"volumes[name={volume.name}].persistentVolumeClaim.claimName"
            yield volume.persistent_volume_claim.claim_name, path


def claim_not_found(message: str) -> str:
    """The claim that the scheduler misses, or ""."""
    found = _NOT_FOUND.search(message)
    return found.group(1) if found else ""


def users_of(graph: Graph, claim: PersistentVolumeClaim) -> tuple[Pod, ...]:
    """The live pods that mount the claim, by name."""
    pods = (
        pod
        for pod in graph.pods_in(claim.metadata.namespace)
        if is_live(pod) and claim.metadata.name in {name for name, _ in claims_used(pod.spec)}
    )
    return tuple(sorted(pods, key=lambda pod: pod.metadata.name))


def default_classes(graph: Graph) -> tuple[StorageClass, ...]:
    """The classes that claims without a class get, by name."""
    found = (item for item in graph.snap.of(StorageClass) if item.is_default)
    return tuple(sorted(found, key=lambda item: item.metadata.name))


def shortfalls(claim: PersistentVolumeClaim, volume: PersistentVolume) -> tuple[str, ...]:
    """Fields of the claim that this volume does not satisfy; () when it would do."""
    spec = volume.spec
    found = []
    if (claim.spec.storage_class_name or "") != spec.storage_class_name:
        found.append("spec.storageClassName")
    if not set(claim.spec.access_modes) <= set(spec.access_modes):
        found.append("spec.accessModes")
    wanted = claim.spec.resources.requests.get("storage", "0")
    if amount(wanted) > amount(spec.capacity.get("storage", "0")):
        found.append("spec.resources.requests.storage")
    if claim.spec.volume_mode != spec.volume_mode:
        found.append("spec.volumeMode")
    if claim.spec.selector and not matches(claim.spec.selector, volume.metadata.labels):
        found.append("spec.selector")
    if claim.spec.volume_name and claim.spec.volume_name != volume.metadata.name:
        found.append("spec.volumeName")
    return tuple(found)


def left_behind(graph: Graph, claim: PersistentVolumeClaim) -> PersistentVolume | None:
    """The Released volume that a former claim of this very name has left, if it would do."""
    if not claim.metadata.uid:
        return None
    for volume in sorted(graph.snap.of(PersistentVolume), key=lambda item: item.metadata.name):
        former = volume.spec.claim_ref
        if (
            volume.status.phase == "Released"
            and former is not None
            and (former.namespace, former.name) == (claim.metadata.namespace, claim.metadata.name)
            and former.uid not in ("", claim.metadata.uid)
            and not shortfalls(claim, volume)
        ):
            return volume
    return None
