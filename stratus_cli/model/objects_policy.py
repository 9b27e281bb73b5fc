"""NetworkPolicies and IngressClasses, as far as they are read (Kubernetes API v1.34)."""

from __future__ import annotations

import msgspec

from stratus_cli.model.objects import (
    IntOrString,
    KubeObject,
    LabelSelector,
    ObjectPart,
    TrackedMeta,
)


class IPBlock(ObjectPart, frozen=True):
    cidr: str
    excluded: tuple[str, ...] = msgspec.field(default=(), name="except")


class NetworkPolicyPeer(ObjectPart, frozen=True):
    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyPort(ObjectPart, frozen=True):
    """port: a number, a container port's name, or None for every port."""

    port: IntOrString | None = None
    end_port: int | None = None
    protocol: str = "TCP"


class NetworkPolicyRule(ObjectPart, frozen=True):
    """One ingress or egress rule. No peers means everybody; no ports means every port."""

    sources: tuple[NetworkPolicyPeer, ...] = msgspec.field(default=(), name="from")
    to: tuple[NetworkPolicyPeer, ...] = ()
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicySpec(ObjectPart, frozen=True):
    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] = ()
    ingress: tuple[NetworkPolicyRule, ...] = ()
    egress: tuple[NetworkPolicyRule, ...] = ()


class NetworkPolicy(KubeObject, frozen=True):
    KIND = "NetworkPolicy"
    API_VERSION = "networking.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: NetworkPolicySpec = NetworkPolicySpec()


class IngressClassSpec(ObjectPart, frozen=True):
    controller: str = ""


class IngressClass(KubeObject, frozen=True):
    KIND = "IngressClass"
    API_VERSION = "networking.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: IngressClassSpec = IngressClassSpec()
