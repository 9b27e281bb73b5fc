"""What keeps pods alive, and what scales and protects it (Kubernetes API v1.34)."""

from __future__ import annotations

from typing import Any

from stratus_cli.model.objects import (
    Condition,
    IntOrString,
    KubeObject,
    LabelSelector,
    ObjectPart,
    TrackedMeta,
)
from stratus_cli.model.objects_pod import PodTemplateSpec


class RollingUpdate(ObjectPart, frozen=True):
    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None
    partition: int = 0


class UpdateStrategy(ObjectPart, frozen=True):
    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(ObjectPart, frozen=True):
    """spec of Deployment, ReplicaSet, StatefulSet and DaemonSet (the fields they share)."""

    replicas: int | None = None
    selector: LabelSelector = LabelSelector()
    template: PodTemplateSpec = PodTemplateSpec()
    strategy: UpdateStrategy | None = None
    update_strategy: UpdateStrategy | None = None
    min_ready_seconds: int = 0
    progress_deadline_seconds: int = 600
    revision_history_limit: int = 10
    paused: bool = False
    service_name: str = ""


class WorkloadStatus(ObjectPart, frozen=True):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    desired_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    updated_number_scheduled: int = 0
    conditions: tuple[Condition, ...] = ()


class Workload(KubeObject, frozen=True):
    """Deployment, ReplicaSet, StatefulSet or DaemonSet."""

    API_VERSION = "apps/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class Deployment(Workload, frozen=True):
    KIND = "Deployment"


class ReplicaSet(Workload, frozen=True):
    KIND = "ReplicaSet"


class StatefulSet(Workload, frozen=True):
    KIND = "StatefulSet"


class DaemonSet(Workload, frozen=True):
    KIND = "DaemonSet"


class ScaleTargetRef(ObjectPart, frozen=True):
    kind: str = ""
    name: str = ""


class HorizontalPodAutoscalerSpec(ObjectPart, frozen=True):
    min_replicas: int = 1
    max_replicas: int = 1
    metrics: tuple[dict[str, Any], ...] = ()
    scale_target_ref: ScaleTargetRef = ScaleTargetRef()


class HorizontalPodAutoscalerStatus(ObjectPart, frozen=True):
    desired_replicas: int = 0
    current_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class HorizontalPodAutoscaler(KubeObject, frozen=True):
    KIND = "HorizontalPodAutoscaler"
    API_VERSION = "autoscaling/v2"
    metadata: TrackedMeta = TrackedMeta()
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()
    status: HorizontalPodAutoscalerStatus = HorizontalPodAutoscalerStatus()


class PodDisruptionBudgetSpec(ObjectPart, frozen=True):
    selector: LabelSelector | None = None
    min_available: IntOrString | None = None
    max_unavailable: IntOrString | None = None


class PodDisruptionBudgetStatus(ObjectPart, frozen=True):
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    expected_pods: int = 0


class PodDisruptionBudget(KubeObject, frozen=True):
    KIND = "PodDisruptionBudget"
    API_VERSION = "policy/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: PodDisruptionBudgetStatus = PodDisruptionBudgetStatus()
