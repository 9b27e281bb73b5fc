"""Whether a node is meant: node selectors and tolerations (Kubernetes API v1.34). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from stratus_cli.kube.selectors import requirement_holds
from stratus_cli.model.objects import LabelSelectorRequirement
from stratus_cli.model.objects_pod import PodSpec, Toleration
from stratus_cli.model.objects_scheduling import Node, NodeSelector, NodeSelectorTerm, Taint


def node_selector_holds(selector: NodeSelector, node: Node) -> bool:
    """Whether one of the terms matches the node."""
    return any(term_holds(term, node) for term in selector.node_selector_terms)


def term_holds(term: NodeSelectorTerm, node: Node) -> bool:
    """All requirements together; an empty term matches nothing."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": node.metadata.name}
    return all(
        node_requirement_holds(item, node.metadata.labels) for item in term.match_expressions
    ) and all(node_requirement_holds(item, fields) for item in term.match_fields)


def node_requirement_holds(item: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """As for labels of pods, and Gt and Lt on whole numbers."""
    if item.operator not in ("Gt", "Lt"):
        return requirement_holds(item, labels)
    try:
        have, limit = int(labels[item.key]), int(item.values[0])
    except (KeyError, IndexError, ValueError):
        return False
    return have > limit if item.operator == "Gt" else have < limit


def tolerates(spec: PodSpec, taint: Taint) -> bool:
    """Whether one of the pod's tolerations is for this taint."""
    return any(toleration_matches(item, taint) for item in spec.tolerations)


def toleration_matches(toleration: Toleration, taint: Taint) -> bool:
    """An empty key with Exists tolerates everything; an empty effect, every effect."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and toleration.value == taint.value
