"""Services, their endpoints, and Ingresses (Kubernetes API v1.34)."""

from __future__ import annotations

import msgspec

from stratus_cli.model.objects import (
    IntOrString,
    KubeObject,
    Labels,
    ObjectPart,
    ObjectReference,
    TrackedMeta,
)

# Network


class ServicePort(ObjectPart, frozen=True):
    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: IntOrString | None = None
    node_port: int = 0


class ServiceSpec(ObjectPart, frozen=True):
    type: str = "ClusterIP"
    selector: Labels = msgspec.field(default_factory=dict)
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


class EndpointConditions(ObjectPart, frozen=True):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(ObjectPart, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str = ""


class EndpointPort(ObjectPart, frozen=True):
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


class IngressServiceBackendPort(ObjectPart, frozen=True):
    name: str = ""
    number: int = 0


class IngressServiceBackend(ObjectPart, frozen=True):
    name: str
    port: IngressServiceBackendPort = IngressServiceBackendPort()


class IngressBackend(ObjectPart, frozen=True):
    service: IngressServiceBackend | None = None


class HTTPIngressPath(ObjectPart, frozen=True):
    path: str = "/"
    backend: IngressBackend = IngressBackend()


class HTTPIngressRuleValue(ObjectPart, frozen=True):
    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(ObjectPart, frozen=True):
    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressTLS(ObjectPart, frozen=True):
    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(ObjectPart, frozen=True):
    ingress_class_name: str = ""
    tls: tuple[IngressTLS, ...] = ()
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()


class Ingress(KubeObject, frozen=True):
    KIND = "Ingress"
    API_VERSION = "networking.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: IngressSpec = IngressSpec()
