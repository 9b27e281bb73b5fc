"""What decides where pods run: affinity, spreading, priority and limit ranges (API v1.34).

Affinity hangs in a pod spec as raw JSON, since a bad document must not spoil the pod;
kube.scheduling decodes it into these.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stratus_cli.model.objects import (
    Condition,
    KubeObject,
    LabelSelector,
    LabelSelectorRequirement,
    ObjectPart,
    TrackedMeta,
)


class NodeSelectorTerm(ObjectPart, frozen=True):
    """Requirements that hold together. An empty term matches no node."""

    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
    match_fields: tuple[LabelSelectorRequirement, ...] = ()


class NodeSelector(ObjectPart, frozen=True):
    """Terms of which one must match."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class NodeAffinity(ObjectPart, frozen=True):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(ObjectPart, frozen=True):
    """Which pods count, and which label of their nodes says that they are in one place."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None


class PodAffinity(ObjectPart, frozen=True):
    """podAffinity or podAntiAffinity."""

    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()


class Affinity(ObjectPart, frozen=True):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(ObjectPart, frozen=True):
    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None


class PriorityClass(KubeObject, frozen=True):
    KIND = "PriorityClass"
    API_VERSION = "scheduling.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    value: int = 0
    global_default: bool = False
    preemption_policy: str = "PreemptLowerPriority"


class LimitRangeItem(ObjectPart, frozen=True):
    """type: Container, Pod or PersistentVolumeClaim. Quantities by resource."""

    type: str = ""
    max: dict[str, str] = msgspec.field(default_factory=dict)
    min: dict[str, str] = msgspec.field(default_factory=dict)
    default: dict[str, str] = msgspec.field(default_factory=dict)
    default_request: dict[str, str] = msgspec.field(default_factory=dict)


class LimitRangeSpec(ObjectPart, frozen=True):
    limits: tuple[LimitRangeItem, ...] = ()


class LimitRange(KubeObject, frozen=True):
    KIND = "LimitRange"
    metadata: TrackedMeta = TrackedMeta()
    spec: LimitRangeSpec = LimitRangeSpec()


class ResourceQuotaSpec(ObjectPart, frozen=True):
    hard: dict[str, str] = msgspec.field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    scope_selector: dict[str, Any] | None = None

    @property
    def is_scoped(self) -> bool:
        """Whether it counts some pods only."""
        return bool(self.scopes or self.scope_selector)


class ResourceQuotaStatus(ObjectPart, frozen=True):
    hard: dict[str, str] = msgspec.field(default_factory=dict)
    used: dict[str, str] = msgspec.field(default_factory=dict)


class ResourceQuota(KubeObject, frozen=True):
    KIND = "ResourceQuota"
    metadata: TrackedMeta = TrackedMeta()
    spec: ResourceQuotaSpec = ResourceQuotaSpec()
    status: ResourceQuotaStatus = ResourceQuotaStatus()


class Taint(ObjectPart, frozen=True):
    key: str
    value: str = ""
    effect: str = ""


class NodeSpec(ObjectPart, frozen=True):
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(ObjectPart, frozen=True):
    conditions: tuple[Condition, ...] = ()
    allocatable: dict[str, str] = msgspec.field(default_factory=dict)
    capacity: dict[str, str] = msgspec.field(default_factory=dict)


class Node(KubeObject, frozen=True):
    KIND = "Node"
    metadata: TrackedMeta = TrackedMeta()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
