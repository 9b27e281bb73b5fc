"""Label selectors (Kubernetes API: LabelSelector, and the plain map of a Service)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stratus_cli.model.objects import LabelSelector, LabelSelectorRequirement


def matches_map(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Every key has its value. An empty Service selector selects nothing: callers check that."""
    return all(labels.get(key) == value for key, value in selector.items())


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """matchLabels and matchExpressions together. An empty selector matches everything."""
    return matches_map(selector.match_labels, labels) and all(
        requirement_holds(requirement, labels) for requirement in selector.match_expressions
    )


def matches_raw(selector: Any, labels: Any) -> bool:  # noqa: ANN401  # JSON from a cluster
    """`matches` on raw JSON. An absent selector, and what is none, match nothing."""
    if not isinstance(selector, Mapping) or not isinstance(labels, Mapping):
        return False
    try:
        return matches(msgspec.convert(selector, LabelSelector), labels)
    except msgspec.ValidationError:
        return False


def requirement_holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """One of matchExpressions. What has an operator that is none matches nothing."""
    present = requirement.key in labels
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return present and value in requirement.values
        case "NotIn":
            return not present or value not in requirement.values
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
    return False
