"""Pods that must, or must not, be where others are, on a snapshot. Pure.

The filters InterPodAffinity and PodTopologySpread of kube-scheduler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pod_needs import anti_affinity_terms, decoded
from stratus_cli.kube.selectors import matches
from stratus_cli.model.objects import Namespace
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node, PodAffinityTerm, TopologySpreadConstraint

Places = frozenset[tuple[str, str]]
"""(topology key, value) of each."""


class Neighbours:
    """Who is where. placed: node name → the pods on it."""

    def __init__(
        self, graph: Graph, nodes: tuple[Node, ...], placed: Mapping[str, tuple[Pod, ...]]
    ) -> None:
        self.graph = graph
        self.nodes = nodes
        self.placed = placed

    @cached_property
    def _labels(self) -> Mapping[str, Mapping[str, str]]:
        return {node.metadata.name: node.metadata.labels for node in self.nodes}

    @cached_property
    def _repelling(self) -> tuple[tuple[Pod, PodAffinityTerm], ...]:
        """Placed pods with the terms by which they keep others away."""
        return tuple(
            (pod, term)
            for pods in self.placed.values()
            for pod in pods
            if pod.spec.affinity
            for term in anti_affinity_terms(pod.spec)
        )

    def kept_apart(self, pod: Pod) -> Places:
        """(topology key, value) of the places where a pod is that this one must not meet."""
        found = set()
        for term in anti_affinity_terms(pod.spec):
            for other in self._others(pod):
                if self.term_means(term, pod, other):
                    found.add((term.topology_key, self._place(other, term.topology_key)))
        for other, term in self._repelling:
            if other.metadata.uid != pod.metadata.uid and self.term_means(term, other, pod):
                found.add((term.topology_key, self._place(other, term.topology_key)))
        return frozenset((key, value) for key, value in found if value)

    def _others(self, pod: Pod) -> Iterator[Pod]:
        for pods in self.placed.values():
            for other in pods:
                if other.metadata.uid != pod.metadata.uid:
                    yield other

    def _place(self, pod: Pod, key: str) -> str:
        return self._labels.get(pod.spec.node_name, {}).get(key, "")

    def term_means(self, term: PodAffinityTerm, holder: Pod, other: Pod) -> bool:
        """Whether a term of `holder` is about `other`."""
        if term.label_selector is None or not matches(term.label_selector, other.metadata.labels):
            return False
        namespace = other.metadata.namespace
        if term.namespace_selector is not None:
            item = self.graph.snap.get(Namespace, "", namespace)
            labels = item.metadata.labels if item else {}
            if matches(term.namespace_selector, labels):
                return True
        elif not term.namespaces:
            return namespace == holder.metadata.namespace
        return namespace in term.namespaces

    def company(self, pod: Pod, term: PodAffinityTerm) -> frozenset[str] | None:
        """The places of the pods that this one must be with; None where any place will do.

        The first of a group that wants to be together may start anywhere that has the label.
        """
        meant = [other for other in self._others(pod) if self.term_means(term, pod, other)]
        if not meant and self.term_means(term, pod, pod):
            return None
        return frozenset(self._place(other, term.topology_key) for other in meant) - {""}

    def overfull(self, pod: Pod, eligible: tuple[Node, ...]) -> Places:
        """The places where one more pod would be too uneven. eligible: nodes that it chooses."""
        found = set()
        for raw in pod.spec.topology_spread_constraints:
            rule = decoded(raw, TopologySpreadConstraint)
            if rule is None or rule.when_unsatisfiable != "DoNotSchedule":
                continue
            key = rule.topology_key
            counts = {
                node.metadata.labels[key]: 0 for node in eligible if key in node.metadata.labels
            }
            for other in self._others(pod):
                place = self._place(other, key)
                if place in counts and _counts(rule, pod, other):
                    counts[place] += 1
            least = min(counts.values(), default=0)
            found |= {
                (key, place) for place, count in counts.items() if count + 1 - least > rule.max_skew
            }
        return frozenset(found)


def _counts(rule: TopologySpreadConstraint, pod: Pod, other: Pod) -> bool:
    return (
        other.metadata.namespace == pod.metadata.namespace
        and other.metadata.deletion_timestamp is None
        and rule.label_selector is not None
        and matches(rule.label_selector, other.metadata.labels)
    )
