"""A right that is given back is exactly the one that was missing."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.rbac import INFORMER, Asked, allows, with_rule
from stratus_cli.model.objects_rbac import PolicyRule

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
RESOURCES = ("pods", "pods/log", "configmaps", "deployments", "secrets")
GROUPS = ("", "apps")
SOME = {"verbs": st.lists(st.sampled_from([*VERBS, "*"]), max_size=3)}
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "apiGroups": st.lists(st.sampled_from(GROUPS), max_size=2),
            "resources": st.lists(st.sampled_from(RESOURCES), max_size=2),
            **SOME,
        },
        optional={"resourceNames": st.lists(st.sampled_from(["a", "b"]), max_size=1)},
    ),
    max_size=3,
)
ASKED = st.builds(
    Asked,
    st.sampled_from(VERBS),
    st.sampled_from(RESOURCES),
    st.sampled_from(GROUPS),
    st.just("shop"),
    st.sampled_from(["", "a"]),
)


def may(rules: list[dict[str, Any]], asked: Asked) -> bool:
    """Whether one of these raw rules allows it."""
    return any(allows(rule, asked) for rule in msgspec.convert(rules, list[PolicyRule]))


@given(RULES, ASKED, ASKED)
def test_exactly_what_is_missing(rules: list[dict[str, Any]], asked: Asked, other: Asked) -> None:
    """What was refused is allowed, what was allowed still is, and nothing else is new.

    Of reading, listing and watching come with each other: an informer does both.
    """
    made = with_rule(rules, asked)
    assert may(made, asked)
    if may(rules, other):
        assert may(made, other)
    elif may(made, other):
        assert (other.resource, other.group) == (asked.resource, asked.group)
        assert other.verb == asked.verb or {other.verb, asked.verb} <= set(INFORMER)
