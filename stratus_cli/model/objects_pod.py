"""Pods, and everything that stands in a pod spec (Kubernetes API v1.34)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from stratus_cli.model.objects import (
    Condition,
    IntOrString,
    KubeObject,
    Labels,
    ObjectMeta,
    ObjectPart,
)

# Pods


class KeyRef(ObjectPart, frozen=True):
    """configMapKeyRef or secretKeyRef."""

    name: str = ""
    key: str = ""
    optional: bool = False


class FieldRef(ObjectPart, frozen=True):
    field_path: str = ""


class EnvVarSource(ObjectPart, frozen=True):
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None


class EnvVar(ObjectPart, frozen=True):
    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class NameRef(ObjectPart, frozen=True):
    """configMapRef or secretRef of envFrom, and the sources of projected volumes."""

    name: str = ""
    optional: bool = False


class EnvFromSource(ObjectPart, frozen=True):
    config_map_ref: NameRef | None = None
    secret_ref: NameRef | None = None
    prefix: str = ""


class ContainerPort(ObjectPart, frozen=True):
    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0


class ResourceRequirements(ObjectPart, frozen=True):
    limits: dict[str, str] = msgspec.field(default_factory=dict)
    requests: dict[str, str] = msgspec.field(default_factory=dict)


class HTTPGetAction(ObjectPart, frozen=True):
    port: IntOrString
    path: str = "/"
    scheme: str = "HTTP"
    host: str = ""


class TCPSocketAction(ObjectPart, frozen=True):
    port: IntOrString


class ExecAction(ObjectPart, frozen=True):
    command: tuple[str, ...] = ()


class Probe(ObjectPart, frozen=True):
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    exec: ExecAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3


class VolumeMount(ObjectPart, frozen=True):
    name: str
    mount_path: str
    sub_path: str = ""


class Container(ObjectPart, frozen=True):
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
    security_context: dict[str, Any] = msgspec.field(default_factory=dict)


class ConfigMapVolumeSource(ObjectPart, frozen=True):
    name: str = ""
    optional: bool = False


class SecretVolumeSource(ObjectPart, frozen=True):
    secret_name: str = ""
    optional: bool = False


class ClaimVolumeSource(ObjectPart, frozen=True):
    claim_name: str


class VolumeProjection(ObjectPart, frozen=True):
    config_map: NameRef | None = None
    secret: NameRef | None = None


class ProjectedVolumeSource(ObjectPart, frozen=True):
    sources: tuple[VolumeProjection, ...] = ()


class Volume(ObjectPart, frozen=True):
    name: str
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    persistent_volume_claim: ClaimVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    empty_dir: dict[str, Any] | None = None


class Toleration(ObjectPart, frozen=True):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class PodSpec(ObjectPart, frozen=True):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: Labels = msgspec.field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    affinity: dict[str, Any] = msgspec.field(default_factory=dict)
    topology_spread_constraints: tuple[dict[str, Any], ...] = ()
    priority: int | None = None
    volumes: tuple[Volume, ...] = ()
    service_account_name: str = ""
    restart_policy: str = "Always"
    priority_class_name: str = ""
    dns_policy: str = "ClusterFirst"
    dns_config: dict[str, Any] = msgspec.field(default_factory=dict)
    host_network: bool = False
    security_context: dict[str, Any] = msgspec.field(default_factory=dict)
    image_pull_secrets: tuple[NameRef, ...] = ()


class ContainerStateWaiting(ObjectPart, frozen=True):
    reason: str = ""
    message: str = ""


class ContainerStateRunning(ObjectPart, frozen=True):
    started_at: datetime | None = None


class ContainerStateTerminated(ObjectPart, frozen=True):
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(ObjectPart, frozen=True):
    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(ObjectPart, frozen=True):
    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(ObjectPart, frozen=True):
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


class PodTemplateSpec(ObjectPart, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()
