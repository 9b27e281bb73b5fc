"""Why the scheduler does not put a pod on a node: its filters, evaluated on a snapshot. Pure.

The filters of kube-scheduler (pkg/scheduler/framework/plugins): NodeUnschedulable, TaintToleration,
NodeName, NodeAffinity, NodeResourcesFit, InterPodAffinity, PodTopologySpread, VolumeBinding. Not
host ports and not what drivers say about volumes. Only what a snapshot holds is judged: where pods
of other namespaces were not read, a node looks emptier than it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cached_property

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.neighbours import Neighbours, Places
from stratus_cli.kube.node_match import node_selector_holds, tolerates
from stratus_cli.kube.pod_needs import (
    affinity_of,
    requests_of,
    scheduler_says,
    untolerated,
    volumes_of,
)
from stratus_cli.kube.quantities import amount
from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import (
    Affinity,
    Node,
    Taint,
)

CORDON_TAINT = "node.kubernetes.io/unschedulable"
SYSTEM_TAINTS = re.compile(
    r"node\.kubernetes\.io/.*|node\.cloudprovider\.kubernetes\.io/.*|karpenter\.sh/.*|"
    r"(ToBeDeletedBy|DeletionCandidateOf)ClusterAutoscaler"
)
"""Set and taken away by controllers after a node's state (kubernetes.io, Well-known taints; Cluster
Autoscaler and Karpenter: nodes that are about to go). They are not somebody's change."""

CONTROL_PLANE_TAINTS = frozenset(
    {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}
)
"""Set by kubeadm and its like for good: such a node is not meant for anybody's workload."""

UNSEEN = ("free ports", "exceed max volume count")
"""Reasons of filters that are not evaluated here, in the scheduler's words."""

OF_OTHERS = ("Insufficient", "Too many pods", "anti-affinity")
"""Reasons that may lie in pods of namespaces that were not asked for."""


class Why(Enum):
    """What kind of thing keeps a pod off a node."""

    CORDON = "cordon"
    CONDITION = "condition"  # what: the taint that a controller set
    TAINT = "taint"  # what: its key
    CONTROL_PLANE = "control-plane"
    NODE_NAME = "node name"
    NODE_SELECTOR = "node selector"
    NODE_AFFINITY = "node affinity"
    TOO_BIG = "too big"  # what: a resource; more than the whole node has
    FULL = "full"  # what: a resource; more than what is left
    POD_AFFINITY = "pod affinity"
    ANTI_AFFINITY = "anti-affinity"  # what: the topology key
    SPREAD = "spread"  # what: the topology key
    VOLUME = "volume"  # what: the PersistentVolume


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason why one node is not taken. what: see Why."""

    why: Why
    what: str = ""


class Placement:
    """Where pods of one snapshot could be put. Every part is made at first use."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._seen: dict[str, Mapping[str, tuple[Blocker, ...]]] = {}

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, by name."""
        return tuple(sorted(self.graph.snap.of(Node), key=lambda node: node.metadata.name))

    def blockers(self, pod: Pod) -> Mapping[str, tuple[Blocker, ...]]:
        """Node name → all that keeps the pod off it; () for a node that would take it."""
        key = pod.metadata.uid or f"{pod.metadata.namespace}/{pod.metadata.name}"
        if key not in self._seen:
            self._seen[key] = self._blockers(pod)
        return self._seen[key]

    def freed(self, pod: Pod, is_mine: Callable[[str, Blocker], bool]) -> tuple[Node, ...]:
        """The nodes that would take the pod if only these blockers were gone.

        is_mine: whether a blocker of the named node is among them. () where a node would take it as
        it is: then something else keeps it off, or the scheduler has not looked again.
        """
        found = self.blockers(pod)
        if not all(found.values()) and not self._is_partly_seen(pod):
            return ()
        return tuple(
            node
            for node in self.nodes
            if found[node.metadata.name]
            and all(is_mine(node.metadata.name, item) for item in found[node.metadata.name])
        )

    def _is_partly_seen(self, pod: Pod) -> bool:
        """The scheduler has reasons that cannot be seen here: they are good for some node."""
        says = scheduler_says(pod)
        if any(text in says for text in UNSEEN):
            return True
        scoped = bool(self.graph.snap.scope.asked)
        return scoped and any(text in says for text in OF_OTHERS)

    def free(self, node: Node, resource: str) -> Decimal:
        """What is left of a node's resource beside the requests of its pods."""
        used = self._used.get(node.metadata.name, {})
        return amount(node.status.allocatable.get(resource, "0")) - used.get(resource, Decimal(0))

    @cached_property
    def placed(self) -> Mapping[str, tuple[Pod, ...]]:
        """Node name → the pods that hold room on it, terminating ones included."""
        placed: dict[str, list[Pod]] = defaultdict(list)
        for pod in self.graph.snap.of(Pod):
            if pod.spec.node_name and pod.status.phase not in ("Succeeded", "Failed"):
                placed[pod.spec.node_name].append(pod)
        return {name: tuple(pods) for name, pods in placed.items()}

    @cached_property
    def _used(self) -> Mapping[str, Mapping[str, Decimal]]:
        used: dict[str, dict[str, Decimal]] = {}
        for name, pods in self.placed.items():
            total: dict[str, Decimal] = defaultdict(Decimal)
            for pod in pods:
                for resource, value in requests_of(pod.spec).items():
                    total[resource] += value
            used[name] = total
        return used

    @cached_property
    def neighbours(self) -> Neighbours:
        """Who is where."""
        return Neighbours(self.graph, self.nodes, self.placed)

    def _blockers(self, pod: Pod) -> Mapping[str, tuple[Blocker, ...]]:
        affinity = affinity_of(pod.spec)
        chosen = tuple(node for node in self.nodes if not any(_by_selection(pod, node, affinity)))
        apart = self.neighbours.kept_apart(pod)
        spread = self.neighbours.overfull(pod, chosen)
        together = affinity.pod_affinity if affinity else None
        terms = together.required_during_scheduling_ignored_during_execution if together else ()
        company = [(term.topology_key, self.neighbours.company(pod, term)) for term in terms]
        return {
            node.metadata.name: tuple(
                dict.fromkeys(
                    [
                        *_by_node(pod, node),
                        *_by_selection(pod, node, affinity),
                        *self._by_room(pod, node),
                        *_by_domain(Why.ANTI_AFFINITY, node, apart),
                        *_by_domain(Why.SPREAD, node, spread),
                        *self._by_volume(pod, node),
                        *_by_company(node, company),
                    ]
                )
            )
            for node in self.nodes
        }

    def _by_room(self, pod: Pod, node: Node) -> Iterator[Blocker]:
        for resource, value in requests_of(pod.spec).items():
            if value > amount(node.status.allocatable.get(resource, "0")):
                yield Blocker(Why.TOO_BIG, resource)
            elif value > self.free(node, resource):
                yield Blocker(Why.FULL, resource)

    def _by_volume(self, pod: Pod, node: Node) -> Iterator[Blocker]:
        for volume in volumes_of(self.graph, pod):
            required = volume.spec.node_affinity.required if volume.spec.node_affinity else None
            if required is not None and not node_selector_holds(required, node):
                yield Blocker(Why.VOLUME, volume.metadata.name)


def _by_node(pod: Pod, node: Node) -> Iterator[Blocker]:
    cordon = Taint(key=CORDON_TAINT, effect="NoSchedule")
    if node.spec.unschedulable and not tolerates(pod.spec, cordon):
        yield Blocker(Why.CORDON)
    for taint in untolerated(pod, node):
        if taint.key == CORDON_TAINT:
            yield Blocker(Why.CORDON)
        elif SYSTEM_TAINTS.fullmatch(taint.key):
            yield Blocker(Why.CONDITION, taint.key)
        elif taint.key in CONTROL_PLANE_TAINTS:
            yield Blocker(Why.CONTROL_PLANE, taint.key)
        else:
            yield Blocker(Why.TAINT, taint.key)


def _by_selection(pod: Pod, node: Node, affinity: Affinity | None) -> Iterator[Blocker]:
    if pod.spec.node_name and pod.spec.node_name != node.metadata.name:
        yield Blocker(Why.NODE_NAME, pod.spec.node_name)
    if not matches_map(pod.spec.node_selector, node.metadata.labels):
        yield Blocker(Why.NODE_SELECTOR)
    wanted = affinity.node_affinity if affinity else None
    required = wanted.required_during_scheduling_ignored_during_execution if wanted else None
    if required is not None and not node_selector_holds(required, node):
        yield Blocker(Why.NODE_AFFINITY)


def _by_company(node: Node, company: list[tuple[str, frozenset[str] | None]]) -> Iterator[Blocker]:
    for key, places in company:
        place = node.metadata.labels.get(key, "")
        if not place or (places is not None and place not in places):
            yield Blocker(Why.POD_AFFINITY, key)


def _by_domain(why: Why, node: Node, places: Places) -> Iterator[Blocker]:
    for key, value in sorted(places):
        if node.metadata.labels.get(key) == value:
            yield Blocker(why, key)
