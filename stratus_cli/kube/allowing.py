"""NetworkPolicies as remedies: one that allows what is missing, and a spec as it was. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stratus_cli.kube.blocked import Blocked
from stratus_cli.kube.network_policy import INGRESS
from stratus_cli.model.change import Json
from stratus_cli.model.objects_workload import Workload

LONGEST = 63  # of the name: it is used as a label value as well


def allowing(items: Sequence[Blocked], beside: str) -> dict[str, Any] | None:
    """A NetworkPolicy that allows exactly these calls; None where it would take several.

    beside: name of the policy that does not allow them.
    """
    end, direction = items[0].isolated, items[0].direction
    selector = end.spec.selector.match_labels
    if not selector or any(
        item.isolated is not end or item.direction != direction for item in items
    ):
        return None
    rules = [_rule(item, direction) for item in items]
    unique = [rule for index, rule in enumerate(rules) if rule not in rules[:index]]
    name = f"allow-{'to' if direction == INGRESS else 'from'}-{end.metadata.name}"[:LONGEST]
    if name == beside:
        name = f"{name[: LONGEST - 2]}-2"
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name.rstrip("-."), "namespace": end.metadata.namespace},
        "spec": {
            "podSelector": {"matchLabels": dict(selector)},
            "policyTypes": [direction],
            direction.lower(): unique,
        },
    }


def spec_patch(now: Json, wanted: Json) -> Json:
    """The merge patch (RFC 7386) from one value to the other."""
    if not isinstance(now, Mapping) or not isinstance(wanted, Mapping):
        return wanted
    gone: dict[str, Any] = {key: None for key in sorted(now) if key not in wanted}
    return gone | {
        key: spec_patch(now.get(key), wanted[key])
        for key in sorted(wanted)
        if now.get(key) != wanted[key]
    }


def _rule(item: Blocked, direction: str) -> dict[str, Any]:
    number, protocol = item.port
    rule: dict[str, Any] = {"ports": [{"port": number, "protocol": protocol}]}
    peer = item.caller if direction == INGRESS else item.callee
    if peer is not None:
        rule["from" if direction == INGRESS else "to"] = [_peer(peer, item.isolated)]
    return rule


def _peer(peer: Workload, beside: Workload) -> dict[str, Any]:
    found: dict[str, Any] = {"podSelector": {"matchLabels": dict(peer.spec.selector.match_labels)}}
    if peer.metadata.namespace != beside.metadata.namespace:
        labels = {"kubernetes.io/metadata.name": peer.metadata.namespace}
        found["namespaceSelector"] = {"matchLabels": labels}
    return found
