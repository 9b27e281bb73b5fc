"""Which pods may talk to which, by NetworkPolicies. Pure; networking.k8s.io/v1's own semantics.

Whether the cluster's network enforces policies is not in any object: what is blocked here is
blocked if it does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.selectors import matches
from stratus_cli.model.objects import IntOrString, Namespace
from stratus_cli.model.objects_pod import PodSpec
from stratus_cli.model.objects_policy import (
    NetworkPolicy,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicyRule,
)
from stratus_cli.model.objects_workload import Workload

INGRESS, EGRESS = "Ingress", "Egress"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection: pods with these labels. spec: None where it is not known."""

    namespace: str
    labels: Mapping[str, str]
    spec: PodSpec | None = None
    addresses: tuple[str, ...] = ()


def end_of(graph: Graph, workload: Workload) -> End:
    """A workload's pods, as its template makes them."""
    template = workload.spec.template
    addresses = (pod.status.pod_ip for pod in graph.pods_of(workload))
    return End(
        workload.metadata.namespace,
        template.metadata.labels,
        template.spec,
        tuple(sorted(filter(None, addresses))),
    )


def policies_of(graph: Graph, end: End, direction: str) -> tuple[NetworkPolicy, ...]:
    """The policies that isolate these pods in a direction, by name. () means all is allowed."""
    return tuple(
        sorted(
            (
                policy
                for policy in graph.snap.of(NetworkPolicy)
                if policy.metadata.namespace == end.namespace
                and policy.metadata.deletion_timestamp is None
                and direction in types_of(policy)
                and matches(policy.spec.pod_selector, end.labels)
            ),
            key=lambda policy: policy.metadata.name,
        )
    )


def types_of(policy: NetworkPolicy) -> tuple[str, ...]:
    """Its directions; the API server fills them in where none is given."""
    if policy.spec.policy_types:
        return policy.spec.policy_types
    return (INGRESS, EGRESS) if policy.spec.egress else (INGRESS,)


def rules_of(policy: NetworkPolicy, direction: str) -> tuple[NetworkPolicyRule, ...]:
    """Its rules for a direction."""
    return policy.spec.ingress if direction == INGRESS else policy.spec.egress


def allows(
    graph: Graph,
    policy: NetworkPolicy,
    direction: str,
    peer: End | None,
    port: tuple[IntOrString, str],
    served_by: PodSpec | None,
) -> bool:
    """Whether a rule of the policy lets this through.

    peer: the other end, None for "anybody at all". port: (number or name, protocol) on the end that
    is called, whose containers are served_by.
    """
    return any(
        _is_peer(graph, policy, rule, direction, peer) and _is_port(rule, port, served_by)
        for rule in rules_of(policy, direction)
    )


def blockers(
    graph: Graph, caller: End | None, callee: End, port: tuple[IntOrString, str]
) -> tuple[tuple[str, tuple[NetworkPolicy, ...]], ...]:
    """(direction, the policies that isolate that end and all refuse); () when it may pass.

    caller: None for whoever comes from outside the pods that are known.
    """
    found = []
    for direction, end, peer in ((INGRESS, callee, caller), (EGRESS, caller, callee)):
        if end is None:
            continue
        policies = policies_of(graph, end, direction)
        if policies and not any(
            allows(graph, policy, direction, peer, port, callee.spec) for policy in policies
        ):
            found.append((direction, policies))
    return tuple(found)


def _is_peer(
    graph: Graph,
    policy: NetworkPolicy,
    rule: NetworkPolicyRule,
    direction: str,
    peer: End | None,
) -> bool:
    peers = rule.sources if direction == INGRESS else rule.to
    if not peers:
        return True
    if peer is None:
        return True  # it may be one of them
    return any(_matches(graph, policy, item, peer) for item in peers)


def _matches(graph: Graph, policy: NetworkPolicy, item: NetworkPolicyPeer, peer: End) -> bool:
    if item.ip_block is not None:
        return any(_within(address, item.ip_block.cidr) for address in peer.addresses) and not any(
            _within(address, cidr) for address in peer.addresses for cidr in item.ip_block.excluded
        )
    if item.namespace_selector is not None:
        if not matches(item.namespace_selector, _namespace_labels(graph, peer.namespace)):
            return False
    elif peer.namespace != policy.metadata.namespace:
        return False
    return item.pod_selector is None or matches(item.pod_selector, peer.labels)


def _namespace_labels(graph: Graph, name: str) -> Mapping[str, str]:
    space = graph.snap.get(Namespace, "", name)
    labels = dict(space.metadata.labels) if space is not None else {}
    return {"kubernetes.io/metadata.name": name, **labels}


def _within(address: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False


def _is_port(
    rule: NetworkPolicyRule, port: tuple[IntOrString, str], served_by: PodSpec | None
) -> bool:
    if not rule.ports:
        return True
    numbers: set[int | None] = {*_numbers(port, served_by)} or {None}
    return any(
        item.protocol == port[1] and _has_number(item, number, port[0], served_by)
        for item in rule.ports
        for number in numbers
    )


def _has_number(
    item: NetworkPolicyPort,
    number: int | None,
    asked: IntOrString,
    served_by: PodSpec | None,
) -> bool:
    if item.port is None:
        return True
    if isinstance(item.port, str):
        return item.port == asked or (
            number is not None and number in set(_numbers((item.port, item.protocol), served_by))
        )
    if number is None:
        return False
    return item.port <= number <= (item.end_port or item.port)


def _numbers(port: tuple[IntOrString, str], served_by: PodSpec | None) -> Iterator[int]:
    """The numbers behind a port: itself, or what containers call by that name."""
    value, protocol = port
    if isinstance(value, int):
        yield value
        return
    for container in served_by.containers if served_by is not None else ():
        for item in container.ports:
            if item.name == value and item.protocol == protocol:
                yield item.container_port
