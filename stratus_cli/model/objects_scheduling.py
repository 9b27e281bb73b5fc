"""What decides where pods run: affinity, spreading, priority and limit ranges (API v1.34).

Affinity hangs in a pod spec as raw JSON, since a bad document must not spoil the pod;
kube.scheduling decodes it into these.
"""

from __future__ import annotations

import msgspec

from stratus_cli.model.objects import (
    KubeObject,
    LabelSelector,
    LabelSelectorRequirement,
    TrackedMeta,
    _Part,
)


class NodeSelectorTerm(_Part, frozen=True):
    """Requirements that hold together. An empty term matches no node."""

    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
    match_fields: tuple[LabelSelectorRequirement, ...] = ()


class NodeSelector(_Part, frozen=True):
    """Terms of which one must match."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class NodeAffinity(_Part, frozen=True):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(_Part, frozen=True):
    """Which pods count, and which label of their nodes says that they are in one place."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None


class PodAffinity(_Part, frozen=True):
    """podAffinity or podAntiAffinity."""

    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()


class Affinity(_Part, frozen=True):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(_Part, frozen=True):
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


class LimitRangeItem(_Part, frozen=True):
    """type: Container, Pod or PersistentVolumeClaim. Quantities by resource."""

    type: str = ""
    max: dict[str, str] = msgspec.field(default_factory=dict)
    min: dict[str, str] = msgspec.field(default_factory=dict)
    default: dict[str, str] = msgspec.field(default_factory=dict)
    default_request: dict[str, str] = msgspec.field(default_factory=dict)


class LimitRangeSpec(_Part, frozen=True):
    limits: tuple[LimitRangeItem, ...] = ()


class LimitRange(KubeObject, frozen=True):
    KIND = "LimitRange"
    metadata: TrackedMeta = TrackedMeta()
    spec: LimitRangeSpec = LimitRangeSpec()
