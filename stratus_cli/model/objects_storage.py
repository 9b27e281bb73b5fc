"""Volumes behind claims, and the classes that make them (Kubernetes API v1.34)."""

from __future__ import annotations

import msgspec

from stratus_cli.model.objects import (
    KubeObject,
    LabelSelector,
    ObjectPart,
    ObjectReference,
    TrackedMeta,
)
from stratus_cli.model.objects_pod import ResourceRequirements
from stratus_cli.model.objects_scheduling import NodeSelector

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
"""Annotation of the class that claims without a class get."""


class VolumeNodeAffinity(ObjectPart, frozen=True):
    required: NodeSelector | None = None


class PersistentVolumeSpec(ObjectPart, frozen=True):
    capacity: dict[str, str] = msgspec.field(default_factory=dict)
    access_modes: tuple[str, ...] = ()
    storage_class_name: str = ""
    claim_ref: ObjectReference | None = None
    node_affinity: VolumeNodeAffinity | None = None
    persistent_volume_reclaim_policy: str = ""
    volume_mode: str = "Filesystem"


class PersistentVolumeStatus(ObjectPart, frozen=True):
    phase: str = ""
    reason: str = ""
    message: str = ""


class PersistentVolume(KubeObject, frozen=True):
    KIND = "PersistentVolume"
    metadata: TrackedMeta = TrackedMeta()
    spec: PersistentVolumeSpec = PersistentVolumeSpec()
    status: PersistentVolumeStatus = PersistentVolumeStatus()


class StorageClass(KubeObject, frozen=True):
    KIND = "StorageClass"
    API_VERSION = "storage.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    provisioner: str = ""
    volume_binding_mode: str = "Immediate"

    @property
    def is_default(self) -> bool:
        """Whether claims without a class get this one."""
        return self.metadata.annotations.get(DEFAULT_CLASS) == "true"


class PersistentVolumeClaimSpec(ObjectPart, frozen=True):
    storage_class_name: str | None = None
    volume_name: str = ""
    access_modes: tuple[str, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    volume_mode: str = "Filesystem"
    selector: LabelSelector | None = None


class PersistentVolumeClaimStatus(ObjectPart, frozen=True):
    phase: str = ""


class PersistentVolumeClaim(KubeObject, frozen=True):
    KIND = "PersistentVolumeClaim"
    metadata: TrackedMeta = TrackedMeta()
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()
