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


class OwnerReference(_Part, frozen=True):
    kind: str
    name: str
    uid: str
    api_version: str = ""
    controller: bool = False


class ManagedFieldsEntry(_Part, frozen=True):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: datetime | None = None
    fields_v1: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"{}"), name="fieldsV1")


class ObjectMeta(_Part, frozen=True):
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


class TrackedMeta(ObjectMeta, frozen=True):
    """Metadata of the kinds that people change: who changed which field, and when."""

    managed_fields: tuple[ManagedFieldsEntry, ...] = ()


class KubeObject(_Part, frozen=True):
    """Any object. `kind` is a class attribute because list items carry no kind in their JSON."""

    KIND = ""
    API_VERSION = "v1"

    metadata: ObjectMeta = ObjectMeta()


class LabelSelectorRequirement(_Part, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(_Part, frozen=True):
    match_labels: Labels = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class Condition(_Part, frozen=True):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None


# Pods


class KeyRef(_Part, frozen=True):
    """configMapKeyRef or secretKeyRef."""

    name: str = ""
    key: str = ""
    optional: bool = False


class FieldRef(_Part, frozen=True):
    field_path: str = ""


class EnvVarSource(_Part, frozen=True):
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None


class EnvVar(_Part, frozen=True):
    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class NameRef(_Part, frozen=True):
    """configMapRef or secretRef of envFrom, and the sources of projected volumes."""

    name: str = ""
    optional: bool = False


class EnvFromSource(_Part, frozen=True):
    config_map_ref: NameRef | None = None
    secret_ref: NameRef | None = None
    prefix: str = ""


class ContainerPort(_Part, frozen=True):
    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0


class ResourceRequirements(_Part, frozen=True):
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}


class HTTPGetAction(_Part, frozen=True):
    port: IntOrString
    path: str = "/"
    scheme: str = "HTTP"
    host: str = ""


class TCPSocketAction(_Part, frozen=True):
    port: IntOrString


class ExecAction(_Part, frozen=True):
    command: tuple[str, ...] = ()


class Probe(_Part, frozen=True):
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    exec: ExecAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3


class VolumeMount(_Part, frozen=True):
    name: str
    mount_path: str
    sub_path: str = ""


class Container(_Part, frozen=True):
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
    working_dir: str = ""
    security_context: dict[str, Any] = {}


class ConfigMapVolumeSource(_Part, frozen=True):
    name: str = ""
    optional: bool = False


class SecretVolumeSource(_Part, frozen=True):
    secret_name: str = ""
    optional: bool = False


class ClaimVolumeSource(_Part, frozen=True):
    claim_name: str


class VolumeProjection(_Part, frozen=True):
    config_map: NameRef | None = None
    secret: NameRef | None = None


class ProjectedVolumeSource(_Part, frozen=True):
    sources: tuple[VolumeProjection, ...] = ()


class Volume(_Part, frozen=True):
    name: str
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    persistent_volume_claim: ClaimVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    empty_dir: dict[str, Any] | None = None


class Toleration(_Part, frozen=True):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class PodSpec(_Part, frozen=True):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: Labels = {}
    tolerations: tuple[Toleration, ...] = ()
    affinity: dict[str, Any] = {}
    topology_spread_constraints: tuple[dict[str, Any], ...] = ()
    priority: int | None = None
    volumes: tuple[Volume, ...] = ()
    service_account_name: str = ""
    restart_policy: str = "Always"
    priority_class_name: str = ""
    dns_policy: str = "ClusterFirst"
    dns_config: dict[str, Any] = {}
    host_network: bool = False
    security_context: dict[str, Any] = {}
    image_pull_secrets: tuple[NameRef, ...] = ()


class ContainerStateWaiting(_Part, frozen=True):
    reason: str = ""
    message: str = ""


class ContainerStateRunning(_Part, frozen=True):
    started_at: datetime | None = None


class ContainerStateTerminated(_Part, frozen=True):
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(_Part, frozen=True):
    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(_Part, frozen=True):
    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(_Part, frozen=True):
    phase: str = ""
    reason: str = ""
    message: str = ""
    nominated_node_name: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    start_time: datetime | None = None


class Pod(KubeObject, frozen=True):
    KIND = "Pod"
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


# Workloads


class PodTemplateSpec(_Part, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()


class RollingUpdate(_Part, frozen=True):
    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None
    partition: int = 0


class UpdateStrategy(_Part, frozen=True):
    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(_Part, frozen=True):
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


class WorkloadStatus(_Part, frozen=True):
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


class JobSpec(_Part, frozen=True):
    completions: int | None = None
    parallelism: int | None = None
    backoff_limit: int = 6
    active_deadline_seconds: int | None = None
    suspend: bool = False
    template: PodTemplateSpec = PodTemplateSpec()


class JobStatus(_Part, frozen=True):
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: tuple[Condition, ...] = ()


class Job(KubeObject, frozen=True):
    KIND = "Job"
    API_VERSION = "batch/v1"
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class JobTemplateSpec(_Part, frozen=True):
    spec: JobSpec = JobSpec()


class CronJobSpec(_Part, frozen=True):
    schedule: str = ""
    time_zone: str = ""
    suspend: bool = False
    concurrency_policy: str = "Allow"
    starting_deadline_seconds: int | None = None
    job_template: JobTemplateSpec = JobTemplateSpec()


class CronJobStatus(_Part, frozen=True):
    last_schedule_time: datetime | None = None
    last_successful_time: datetime | None = None


class CronJob(KubeObject, frozen=True):
    KIND = "CronJob"
    API_VERSION = "batch/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()


# Network


class ServicePort(_Part, frozen=True):
    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: IntOrString | None = None
    node_port: int = 0


class ServiceSpec(_Part, frozen=True):
    type: str = "ClusterIP"
    selector: Labels = {}
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    external_name: str = ""
    publish_not_ready_addresses: bool = False
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = "Cluster"
    session_affinity: str = "None"


class Service(KubeObject, frozen=True):
    KIND = "Service"
    metadata: TrackedMeta = TrackedMeta()
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(_Part, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ObjectReference(_Part, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    field_path: str = ""


class Endpoint(_Part, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str = ""


class EndpointPort(_Part, frozen=True):
    name: str = ""
    port: int | None = None
    protocol: str = "TCP"


class EndpointSlice(KubeObject, frozen=True):
    """`endpoints` and `ports` are null, not missing, when there are none."""

    KIND = "EndpointSlice"
    API_VERSION = "discovery.k8s.io/v1"
    address_type: str = "IPv4"
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class IngressServiceBackendPort(_Part, frozen=True):
    name: str = ""
    number: int = 0


class IngressServiceBackend(_Part, frozen=True):
    name: str
    port: IngressServiceBackendPort = IngressServiceBackendPort()


class IngressBackend(_Part, frozen=True):
    service: IngressServiceBackend | None = None


class HTTPIngressPath(_Part, frozen=True):
    path: str = "/"
    backend: IngressBackend = IngressBackend()


class HTTPIngressRuleValue(_Part, frozen=True):
    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(_Part, frozen=True):
    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressTLS(_Part, frozen=True):
    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(_Part, frozen=True):
    ingress_class_name: str = ""
    tls: tuple[IngressTLS, ...] = ()
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()


class Ingress(KubeObject, frozen=True):
    KIND = "Ingress"
    API_VERSION = "networking.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: IngressSpec = IngressSpec()


# Configuration, policy, storage, nodes


class ConfigMap(KubeObject, frozen=True):
    KIND = "ConfigMap"
    metadata: TrackedMeta = TrackedMeta()
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


class Secret(KubeObject, frozen=True):
    """Metadata only: the live adapter asks the server for PartialObjectMetadata."""

    KIND = "Secret"
    metadata: TrackedMeta = TrackedMeta()


class ResourceQuotaSpec(_Part, frozen=True):
    hard: dict[str, str] = {}
    scopes: tuple[str, ...] = ()


class ResourceQuotaStatus(_Part, frozen=True):
    hard: dict[str, str] = {}
    used: dict[str, str] = {}


class ResourceQuota(KubeObject, frozen=True):
    KIND = "ResourceQuota"
    metadata: TrackedMeta = TrackedMeta()
    spec: ResourceQuotaSpec = ResourceQuotaSpec()
    status: ResourceQuotaStatus = ResourceQuotaStatus()


class ScaleTargetRef(_Part, frozen=True):
    kind: str = ""
    name: str = ""


class HorizontalPodAutoscalerSpec(_Part, frozen=True):
    min_replicas: int = 1
    max_replicas: int = 1
    metrics: tuple[dict[str, Any], ...] = ()
    scale_target_ref: ScaleTargetRef = ScaleTargetRef()


class HorizontalPodAutoscalerStatus(_Part, frozen=True):
    desired_replicas: int = 0
    current_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class HorizontalPodAutoscaler(KubeObject, frozen=True):
    KIND = "HorizontalPodAutoscaler"
    API_VERSION = "autoscaling/v2"
    metadata: TrackedMeta = TrackedMeta()
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()
    status: HorizontalPodAutoscalerStatus = HorizontalPodAutoscalerStatus()


class PodDisruptionBudgetSpec(_Part, frozen=True):
    selector: LabelSelector | None = None
    min_available: IntOrString | None = None
    max_unavailable: IntOrString | None = None


class PodDisruptionBudgetStatus(_Part, frozen=True):
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


class PersistentVolumeClaimSpec(_Part, frozen=True):
    storage_class_name: str | None = None
    volume_name: str = ""
    access_modes: tuple[str, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    volume_mode: str = "Filesystem"
    selector: LabelSelector | None = None


class PersistentVolumeClaimStatus(_Part, frozen=True):
    phase: str = ""


class PersistentVolumeClaim(KubeObject, frozen=True):
    KIND = "PersistentVolumeClaim"
    metadata: TrackedMeta = TrackedMeta()
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()


class Taint(_Part, frozen=True):
    key: str
    value: str = ""
    effect: str = ""


class NodeSpec(_Part, frozen=True):
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(_Part, frozen=True):
    conditions: tuple[Condition, ...] = ()
    allocatable: dict[str, str] = {}
    capacity: dict[str, str] = {}


class Node(KubeObject, frozen=True):
    KIND = "Node"
    metadata: TrackedMeta = TrackedMeta()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class NamespaceStatus(_Part, frozen=True):
    phase: str = ""
    conditions: tuple[Condition, ...] = ()


class Namespace(KubeObject, frozen=True):
    KIND = "Namespace"
    metadata: TrackedMeta = TrackedMeta()
    status: NamespaceStatus = NamespaceStatus()


class EventSeries(_Part, frozen=True):
    count: int = 0
    last_observed_time: datetime | None = None


class EventSource(_Part, frozen=True):
    component: str = ""
    host: str = ""


class Event(KubeObject, frozen=True):
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
