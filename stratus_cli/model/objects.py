"""The parts of Kubernetes objects that Stratus reads, as msgspec Structs (Kubernetes API v1.34).

Only fields that a rule, cause or health term uses are here; everything else in the JSON is
skipped while decoding. What is written is never made from these: see Cluster.get. Field names
are the API's (camelCase in JSON, snake_case here). A missing list decodes to ().
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

IntOrString = int | str
Labels = dict[str, str]


class _Part(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A nested part of an object."""


class OwnerReference(_Part):
    kind: str
    name: str
    uid: str
    api_version: str = ""
    controller: bool = False


class ManagedFieldsEntry(_Part):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: datetime | None = None
    fields_v1: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"{}"), name="fieldsV1")


class ObjectMeta(_Part):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: Labels = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()


class TrackedMeta(ObjectMeta):
    """Metadata of the kinds that people change: who changed which field, and when."""

    managed_fields: tuple[ManagedFieldsEntry, ...] = ()


class KubeObject(_Part):
    """Any object. `kind` is a class attribute because list items carry no kind in their JSON."""

    KIND = ""
    API_VERSION = "v1"

    metadata: ObjectMeta = ObjectMeta()


class LabelSelectorRequirement(_Part):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(_Part):
    match_labels: Labels = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class Condition(_Part):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None


# Pods


class KeyRef(_Part):
    """configMapKeyRef or secretKeyRef."""

    name: str = ""
    key: str = ""
    optional: bool = False


class FieldRef(_Part):
    field_path: str = ""


class EnvVarSource(_Part):
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None


class EnvVar(_Part):
    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class NameRef(_Part):
    """configMapRef or secretRef of envFrom, and the sources of projected volumes."""

    name: str = ""
    optional: bool = False


class EnvFromSource(_Part):
    config_map_ref: NameRef | None = None
    secret_ref: NameRef | None = None
    prefix: str = ""


class ContainerPort(_Part):
    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0


class ResourceRequirements(_Part):
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}


class HTTPGetAction(_Part):
    port: IntOrString
    path: str = "/"
    scheme: str = "HTTP"
    host: str = ""


class TCPSocketAction(_Part):
    port: IntOrString


class ExecAction(_Part):
    command: tuple[str, ...] = ()


class Probe(_Part):
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    exec: ExecAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3


class VolumeMount(_Part):
    name: str
    mount_path: str
    sub_path: str = ""


class Container(_Part):
    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()
    restart_policy: str = ""


class ConfigMapVolumeSource(_Part):
    name: str = ""
    optional: bool = False


class SecretVolumeSource(_Part):
    secret_name: str = ""
    optional: bool = False


class ClaimVolumeSource(_Part):
    claim_name: str


class VolumeProjection(_Part):
    config_map: NameRef | None = None
    secret: NameRef | None = None


class ProjectedVolumeSource(_Part):
    sources: tuple[VolumeProjection, ...] = ()


class Volume(_Part):
    name: str
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    persistent_volume_claim: ClaimVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None


class Toleration(_Part):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class PodSpec(_Part):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: Labels = {}
    tolerations: tuple[Toleration, ...] = ()
    affinity: dict[str, Any] = {}
    volumes: tuple[Volume, ...] = ()
    service_account_name: str = ""
    restart_policy: str = "Always"
    priority_class_name: str = ""
    dns_policy: str = "ClusterFirst"
    host_network: bool = False


class ContainerStateWaiting(_Part):
    reason: str = ""
    message: str = ""


class ContainerStateRunning(_Part):
    started_at: datetime | None = None


class ContainerStateTerminated(_Part):
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(_Part):
    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(_Part):
    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(_Part):
    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    start_time: datetime | None = None


class Pod(KubeObject):
    KIND = "Pod"
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


# Workloads


class PodTemplateSpec(_Part):
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()


class RollingUpdate(_Part):
    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None
    partition: int = 0


class UpdateStrategy(_Part):
    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(_Part):
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


class WorkloadStatus(_Part):
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


class Workload(KubeObject):
    """Deployment, ReplicaSet, StatefulSet or DaemonSet."""

    API_VERSION = "apps/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class Deployment(Workload):
    KIND = "Deployment"


class ReplicaSet(Workload):
    KIND = "ReplicaSet"


class StatefulSet(Workload):
    KIND = "StatefulSet"


class DaemonSet(Workload):
    KIND = "DaemonSet"


class JobSpec(_Part):
    completions: int | None = None
    parallelism: int | None = None
    backoff_limit: int = 6
    suspend: bool = False
    template: PodTemplateSpec = PodTemplateSpec()


class JobStatus(_Part):
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    conditions: tuple[Condition, ...] = ()


class Job(KubeObject):
    KIND = "Job"
    API_VERSION = "batch/v1"
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class CronJobSpec(_Part):
    schedule: str = ""
    suspend: bool = False


class CronJob(KubeObject):
    KIND = "CronJob"
    API_VERSION = "batch/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: CronJobSpec = CronJobSpec()


# Network


class ServicePort(_Part):
    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: IntOrString | None = None
    node_port: int = 0


class ServiceSpec(_Part):
    type: str = "ClusterIP"
    selector: Labels = {}
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    external_name: str = ""
    publish_not_ready_addresses: bool = False


class Service(KubeObject):
    KIND = "Service"
    metadata: TrackedMeta = TrackedMeta()
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(_Part):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ObjectReference(_Part):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    field_path: str = ""


class Endpoint(_Part):
    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str = ""


class EndpointPort(_Part):
    name: str = ""
    port: int | None = None
    protocol: str = "TCP"


class EndpointSlice(KubeObject):
    """`endpoints` and `ports` are null, not missing, when there are none."""

    KIND = "EndpointSlice"
    API_VERSION = "discovery.k8s.io/v1"
    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class IngressServiceBackendPort(_Part):
    name: str = ""
    number: int = 0


class IngressServiceBackend(_Part):
    name: str
    port: IngressServiceBackendPort = IngressServiceBackendPort()


class IngressBackend(_Part):
    service: IngressServiceBackend | None = None


class HTTPIngressPath(_Part):
    path: str = "/"
    backend: IngressBackend = IngressBackend()


class HTTPIngressRuleValue(_Part):
    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(_Part):
    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressSpec(_Part):
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()


class Ingress(KubeObject):
    KIND = "Ingress"
    API_VERSION = "networking.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: IngressSpec = IngressSpec()


# Configuration, policy, storage, nodes


class ConfigMap(KubeObject):
    KIND = "ConfigMap"
    metadata: TrackedMeta = TrackedMeta()
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


class Secret(KubeObject):
    """Metadata only: the live adapter asks the server for PartialObjectMetadata."""

    KIND = "Secret"


class ResourceQuotaSpec(_Part):
    hard: dict[str, str] = {}
    scopes: tuple[str, ...] = ()


class ResourceQuotaStatus(_Part):
    hard: dict[str, str] = {}
    used: dict[str, str] = {}


class ResourceQuota(KubeObject):
    KIND = "ResourceQuota"
    metadata: TrackedMeta = TrackedMeta()
    spec: ResourceQuotaSpec = ResourceQuotaSpec()
    status: ResourceQuotaStatus = ResourceQuotaStatus()


class ScaleTargetRef(_Part):
    kind: str = ""
    name: str = ""


class HorizontalPodAutoscalerSpec(_Part):
    min_replicas: int = 1
    max_replicas: int = 1
    scale_target_ref: ScaleTargetRef = ScaleTargetRef()


class HorizontalPodAutoscalerStatus(_Part):
    desired_replicas: int = 0
    current_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class HorizontalPodAutoscaler(KubeObject):
    KIND = "HorizontalPodAutoscaler"
    API_VERSION = "autoscaling/v2"
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()
    status: HorizontalPodAutoscalerStatus = HorizontalPodAutoscalerStatus()


class PodDisruptionBudgetSpec(_Part):
    selector: LabelSelector | None = None


class PodDisruptionBudgetStatus(_Part):
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0


class PodDisruptionBudget(KubeObject):
    KIND = "PodDisruptionBudget"
    API_VERSION = "policy/v1"
    spec: PodDisruptionBudgetSpec = PodDisruptionBudgetSpec()
    status: PodDisruptionBudgetStatus = PodDisruptionBudgetStatus()


class PersistentVolumeClaimSpec(_Part):
    storage_class_name: str = ""
    volume_name: str = ""
    access_modes: tuple[str, ...] = ()


class PersistentVolumeClaimStatus(_Part):
    phase: str = ""


class PersistentVolumeClaim(KubeObject):
    KIND = "PersistentVolumeClaim"
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()


class Taint(_Part):
    key: str
    value: str = ""
    effect: str = ""


class NodeSpec(_Part):
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(_Part):
    conditions: tuple[Condition, ...] = ()
    allocatable: dict[str, str] = {}
    capacity: dict[str, str] = {}


class Node(KubeObject):
    KIND = "Node"
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class NamespaceStatus(_Part):
    phase: str = ""


class Namespace(KubeObject):
    KIND = "Namespace"
    status: NamespaceStatus = NamespaceStatus()


class EventSeries(_Part):
    count: int = 0
    last_observed_time: datetime | None = None


class EventSource(_Part):
    component: str = ""
    host: str = ""


class Event(KubeObject):
    """core/v1 Event. `last_seen` is the newest of its four time fields."""

    KIND = "Event"
    involved_object: ObjectReference = ObjectReference()
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: EventSeries | None = None
    source: EventSource = EventSource()
    reporting_component: str = ""

    @property
    def last_seen(self) -> datetime | None:
        """When it happened last, or None where the API server gave no time."""
        times = [
            self.last_timestamp,
            self.event_time,
            self.series.last_observed_time if self.series else None,
            self.metadata.creation_timestamp,
        ]
        return max((time for time in times if time is not None), default=None)
