"""NetworkPolicies are judged as networking.k8s.io/v1 says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.network_policy import EGRESS, INGRESS, End, blockers
from stratus_cli.model.objects import Namespace
from stratus_cli.model.objects_pod import PodSpec
from stratus_cli.model.objects_policy import NetworkPolicy
from stratus_cli.model.ref import ClusterIdentity
from stratus_cli.model.snapshot import Snapshot

CLUSTER = ClusterIdentity("u", "test", "https://test", "tester", "v1.34.4")
SERVER = {"containers": [{"name": "a", "ports": [{"name": "web", "containerPort": 8080}]}]}
SPEC = msgspec.convert(SERVER, PodSpec)
CALLEE = End("shop", {"app": "web"}, SPEC, ("10.88.0.11",))
CALLER = End("shop", {"app": "front"}, SPEC, ("10.88.1.12",))
STRANGER = End("other", {"app": "front"}, SPEC, ("10.88.1.13",))
PORT = (8080, "TCP")


def graph_of(*specs: dict[str, Any]) -> Graph:
    """A cluster with these policies in namespace shop."""
    policies = tuple(
        msgspec.convert(
            {"metadata": {"name": f"p{index}", "namespace": "shop"}, "spec": spec}, NetworkPolicy
        )
        for index, spec in enumerate(specs)
    )
    spaces = tuple(
        msgspec.convert({"metadata": {"name": name, "labels": {"team": name}}}, Namespace)
        for name in ("shop", "other")
    )
    objects = {"NetworkPolicy": policies, "Namespace": spaces}
    return Graph(Snapshot(datetime(2026, 11, 24, tzinfo=UTC), CLUSTER, objects))


WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
FRONT = {"podSelector": {"matchLabels": {"app": "front"}}}


@pytest.mark.parametrize(
    ("spec", "caller", "passes"),
    [
        ({**WEB, "policyTypes": ["Ingress"]}, CALLER, False),
        ({**WEB, "policyTypes": ["Ingress"], "ingress": [{}]}, CALLER, True),
        ({**WEB}, CALLER, False),
        ({**WEB, "policyTypes": ["Egress"]}, CALLER, True),
        ({**FRONT, "policyTypes": ["Egress"]}, CALLER, False),
        ({"podSelector": {}, "policyTypes": ["Ingress"]}, STRANGER, False),
        ({**WEB, "ingress": [{"from": [FRONT]}]}, CALLER, True),
        ({**WEB, "ingress": [{"from": [FRONT]}]}, STRANGER, False),
        ({**WEB, "ingress": [{"from": [{"namespaceSelector": {}}]}]}, STRANGER, True),
        (
            {**WEB, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]}]},
            STRANGER,
            False,
        ),
        (
            {**WEB, "ingress": [{"from": [{**FRONT, "namespaceSelector": {}}]}]},
            STRANGER,
            True,
        ),
        ({**WEB, "ingress": [{"ports": [{"port": 8080}]}]}, CALLER, True),
        ({**WEB, "ingress": [{"ports": [{"port": "web"}]}]}, CALLER, True),
        ({**WEB, "ingress": [{"ports": [{"port": 8000, "endPort": 8090}]}]}, CALLER, True),
        ({**WEB, "ingress": [{"ports": [{"port": 8081}]}]}, CALLER, False),
        ({**WEB, "ingress": [{"ports": [{"port": 8080, "protocol": "UDP"}]}]}, CALLER, False),
        ({**WEB, "ingress": [{"from": [{"ipBlock": {"cidr": "10.88.0.0/16"}}]}]}, CALLER, True),
        (
            {
                **WEB,
                "ingress": [
                    {"from": [{"ipBlock": {"cidr": "10.88.0.0/16", "except": ["10.88.1.0/24"]}}]}
                ],
            },
            CALLER,
            False,
        ),
    ],
)
def test_one_policy(spec: dict[str, Any], caller: End, passes: bool) -> None:
    """One policy lets a call through, or does not."""
    assert (blockers(graph_of(spec), caller, CALLEE, PORT) == ()) is passes


def test_policies_add_up() -> None:
    """What one policy allows, no other takes away."""
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    allow_in = {**WEB, "policyTypes": ["Ingress"], "ingress": [{"from": [FRONT]}]}
    allow_out = {**FRONT, "policyTypes": ["Egress"], "egress": [{"to": [WEB]}]}
    found = blockers(graph_of(deny, allow_in), CALLER, CALLEE, PORT)
    assert [direction for direction, _ in found] == [EGRESS]
    assert blockers(graph_of(deny, allow_in, allow_out), CALLER, CALLEE, PORT) == ()


SELECTORS = st.sampled_from([{}, WEB["podSelector"], FRONT["podSelector"]])
RULES = st.lists(
    st.builds(
        lambda peers, ports: {"from": peers, "to": peers, "ports": ports},
        st.lists(st.sampled_from([FRONT, WEB, {"namespaceSelector": {}}]), max_size=2),
        st.lists(st.sampled_from([{"port": 8080}, {"port": "web"}, {"port": 1}]), max_size=2),
    ),
    max_size=2,
)
SPECS = st.builds(
    lambda selector, types, rules: {
        "podSelector": selector,
        "policyTypes": types,
        "ingress": rules,
        "egress": rules,
    },
    SELECTORS,
    st.lists(st.sampled_from([INGRESS, EGRESS]), min_size=1, unique=True),
    RULES,
)


@given(st.lists(SPECS, max_size=4), SPECS)
def test_each_policy_that_is_named_refuses_by_itself(
    specs: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    """A policy that alone would let the call through is never among those that block it."""
    with_all = dict(blockers(graph_of(*specs, more), CALLER, CALLEE, PORT))
    for direction, policies in with_all.items():
        for policy in policies:
            alone = Graph(
                Snapshot(datetime(2026, 11, 24, tzinfo=UTC), CLUSTER, {"NetworkPolicy": (policy,)})
            )
            assert direction in dict(blockers(alone, CALLER, CALLEE, PORT))
