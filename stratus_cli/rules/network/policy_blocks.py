"""NET701 policy-blocks: NetworkPolicies do not let a call through that workloads are told to make.

Why it hurts: packets are dropped, so calls hang until they time out, while all pods are ready.

How we tell: an address in settings, an Ingress or a trace names a Service, or a caller has to look
names up, and no rule of the policies that isolate one end allows it. It is degraded when the
caller's log, its readiness or its traffic says that calls fail, or the policy came after both ends
and lets nothing through; else a risk, since nobody may use the address.

Not this when: a policy allows it; requests are seen to succeed (then the network does not enforce
policies); the address is not a Service's.

First look: `kubectl get networkpolicies` with their age, beside the labels of both ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.kube.blocked import (
    Blocked,
    blocked_calls,
    complaints,
    is_felt,
    is_late,
    is_refuted,
    is_total,
    suspect,
)
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "NET701",
    "policy-blocks",
    Severity.DEGRADED,
    needs=("NetworkPolicy", "Service", "Pod", "Deployment", "ReplicaSet", "StatefulSet"),
)
SHOWN = 3  # of the calls, in the message


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per workload that is isolated too much."""
    by_end: dict[Ref, list[Blocked]] = defaultdict(list)
    for item in blocked_calls(graph):
        if not is_refuted(graph, item):
            by_end[ref_of(item.isolated)].append(item)
    for ref in sorted(by_end):
        items = by_end[ref]
        names = sorted({suspect(item).metadata.name for item in items})
        calls = list(dict.fromkeys(_describe(item) for item in items))
        more = f" and {len(calls) - SHOWN} more" if len(calls) > SHOWN else ""
        yield META.finding(
            ref,
            f"NetworkPolicy {', '.join(names)} does not allow {', '.join(calls[:SHOWN])}{more}",
            severity=Severity.DEGRADED
            if any(_hurts(graph, item) for item in items)
            else Severity.RISK,
            evidence=tuple(
                dict.fromkeys(piece for x in items[:SHOWN] for piece in _seen(graph, x))
            ),
        )


def _hurts(graph: Graph, item: Blocked) -> bool:
    policy = suspect(item)
    return is_felt(graph, item) or (is_late(item, policy) and is_total(item, policy))


def _describe(item: Blocked) -> str:
    caller = item.caller.metadata.name if item.caller else "the Ingress"
    if item.service is None:
        return f"{caller} to look up names"
    return f"{caller} to call {item.service.metadata.name} on {item.port[0]}/{item.port[1]}"


def _seen(graph: Graph, item: Blocked) -> Iterator[Evidence]:
    policy = suspect(item)
    yield field_evidence(policy, "spec.podSelector")
    yield field_evidence(policy, f"spec.{item.direction.lower()}")
    for fact in complaints(graph, item)[:1]:
        yield fact.evidence
