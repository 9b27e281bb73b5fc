"""Scopes of a ResourceQuota, as kubernetes.io defines them."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.kube.quota_scopes import counts, is_scoped

PLAIN: dict[str, Any] = {"containers": [{"name": "app"}]}
ASKING = {"containers": [{"resources": {"limits": {"memory": "1Gi"}}}]}
BOUNDED = {**PLAIN, "activeDeadlineSeconds": 60}
RANKED = {**PLAIN, "priorityClassName": "high"}
TERM = {"topologyKey": "zone", "namespaces": ["other"]}
FAR = {
    **PLAIN,
    "affinity": {
        "podAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": TERM}
            ]
        }
    },
}


def select(name: str, operator: str, *values: str) -> dict[str, Any]:
    term = {"scopeName": name, "operator": operator, "values": list(values)}
    return {"scopeSelector": {"matchExpressions": [term]}}


@pytest.mark.parametrize(
    ("quota", "pod", "answer"),
    [
        ({}, PLAIN, True),
        ({"scopes": ["Terminating"]}, BOUNDED, True),
        ({"scopes": ["Terminating"]}, PLAIN, False),
        ({"scopes": ["NotTerminating"]}, PLAIN, True),
        ({"scopes": ["BestEffort"]}, PLAIN, True),
        ({"scopes": ["BestEffort"]}, ASKING, False),
        ({"scopes": ["NotBestEffort", "Terminating"]}, ASKING, False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, FAR, True),
        ({"scopes": ["CrossNamespacePodAffinity"]}, PLAIN, False),
        (select("PriorityClass", "In", "high"), RANKED, True),
        (select("PriorityClass", "In", "low"), RANKED, False),
        (select("PriorityClass", "NotIn", "low"), RANKED, True),
        (select("PriorityClass", "Exists"), PLAIN, False),
        (select("PriorityClass", "DoesNotExist"), PLAIN, True),
        (select("BestEffort", "Exists"), ASKING, False),
        ({"scopes": ["OfTheFuture"]}, PLAIN, None),
        ({"scopes": ["OfTheFuture", "Terminating"]}, PLAIN, False),
        ({"scopes": "Terminating", "scopeSelector": []}, PLAIN, True),
        (select("Terminating", "In", "x"), BOUNDED, None),
    ],
)
def test_which_pods_a_quota_counts(quota: Any, pod: Any, answer: bool | None) -> None:
    assert counts(quota, pod) is answer


def test_a_template_may_still_get_what_a_scope_asks_for() -> None:
    """A default priority class, and a LimitRange's requests."""
    assert counts({"scopes": ["BestEffort"]}, PLAIN, is_final=False) is None
    assert counts({"scopes": ["NotBestEffort"]}, ASKING, is_final=False) is True
    assert counts(select("PriorityClass", "Exists"), PLAIN, is_final=False) is None


def test_scoped_by_either_field() -> None:
    assert is_scoped(select("PriorityClass", "Exists"))
    assert is_scoped({"scopes": ["BestEffort"]})
    assert not is_scoped({"hard": {"pods": "1"}})
