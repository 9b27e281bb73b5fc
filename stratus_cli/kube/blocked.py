"""Calls that NetworkPolicies do not let through, and which policy is to blame. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratus_cli.kube.calls import Call, Calls
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import CONNECTION, TIMED_OUT, UNRESOLVED
from stratus_cli.kube.network_policy import EGRESS, INGRESS, End, blockers, end_of, rules_of
from stratus_cli.kube.ports import target_of
from stratus_cli.kube.workloads import short_of, wanted
from stratus_cli.model.objects import IntOrString
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_policy import NetworkPolicy
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

LATER = timedelta(seconds=30)
"""A policy this much younger than both ends was not deployed with them. Our choice."""
DNS_PORT = (53, "UDP")
FEW, WELL, ILL = 20, 0.01, 0.05
"""Requests that say something (DESIGN.md, Unknown), and shares of errors that clear or accuse."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """One call that is not let through. caller: None for an Ingress. isolated: whose policies.

    policies: those that isolate it, none of which allows the call. service: None for the DNS.
    """

    direction: str
    caller: Workload | None
    callee: Workload | None
    service: Service | None
    port: tuple[IntOrString, str]
    policies: tuple[NetworkPolicy, ...]

    @property
    def isolated(self) -> Workload:
        """The end that the policies are about."""
        found = self.callee if self.direction == INGRESS else self.caller
        assert found is not None  # the end of a direction is always known
        return found


def blocked_calls(graph: Graph) -> tuple[Blocked, ...]:
    """Every one, in the order of calls; names looked up in the DNS last."""
    if not graph.snap.of(NetworkPolicy):
        return ()
    calls = graph.calls
    return (*_calls(graph, calls), *_lookups(graph, calls))


def suspect(item: Blocked) -> NetworkPolicy:
    """The policy that came or changed last: what worked before worked without it."""
    return max(item.policies, key=lambda policy: (str(changed_at(policy)), policy.metadata.name))


def changed_at(policy: NetworkPolicy) -> datetime | None:
    """When its rules were set last, as far as it is known."""
    change = last_change(policy, "spec.podSelector")
    times = [policy.metadata.creation_timestamp, change.at if change else None]
    return max((time for time in times if time is not None), default=None)


def is_late(item: Blocked, policy: NetworkPolicy) -> bool:
    """The policy is younger than both ends."""
    at = changed_at(policy)
    ends = [end for end in (item.caller, item.callee) if end is not None]
    ages = [end.metadata.creation_timestamp for end in ends]
    return at is not None and all(age is not None and at - age > LATER for age in ages)


def is_total(item: Blocked, policy: NetworkPolicy) -> bool:
    """The policy lets nothing through at all in this direction."""
    return not rules_of(policy, item.direction)


def complaints(graph: Graph, item: Blocked) -> tuple[LogFact, ...]:
    """What the caller's log says of this call."""
    if item.caller is None:
        return ()
    pods = [ref_of(pod) for pod in graph.pods_of(item.caller)]
    found = facts_of_pods(graph.snap, pods, *CONNECTION)
    if item.service is None:
        return tuple(
            fact for fact in found if fact.kind == UNRESOLVED or fact.said.port == DNS_PORT[0]
        )
    addresses = {item.service.spec.cluster_ip}
    if item.callee is not None:
        addresses |= {pod.status.pod_ip for pod in graph.pods_of(item.callee)}
    return tuple(
        fact
        for fact in found
        if fact.said.host.partition(".")[0] == item.service.metadata.name
        or (fact.said.host and fact.said.host in addresses)
        or (fact.kind == TIMED_OUT and not fact.target)  # many programs do not say of whom
    )


def is_felt(graph: Graph, item: Blocked) -> bool:
    """Something besides the policy says that the call fails."""
    return (
        bool(complaints(graph, item))
        or (item.caller is not None and short_of(graph, item.caller) > 0)
        or any(error > ILL for error in _errors(graph, item))
    )


def is_refuted(graph: Graph, item: Blocked) -> bool:
    """Requests go through all the same: the network does not enforce policies."""
    errors = list(_errors(graph, item))
    return bool(errors) and all(error < WELL for error in errors)


def _errors(graph: Graph, item: Blocked) -> Iterator[float]:
    refs: set[Ref] = {ref_of(end) for end in (item.callee, item.service) if end is not None}
    if item.direction == EGRESS and item.caller is not None:
        refs = {ref_of(item.caller)}
    for traffic in graph.snap.signals.traffic:
        if traffic.ref in refs and (traffic.requests or 0) >= FEW:
            if traffic.error_rate is not None:
                yield traffic.error_rate


def _calls(graph: Graph, calls: Calls) -> Iterator[Blocked]:
    seen: set[tuple[Ref, Ref]] = set()
    for call in calls.edges:
        service = graph.snap.find(call.callee)
        caller = graph.snap.find(call.caller)
        if not isinstance(service, Service) or (call.caller, call.callee) in seen:
            continue
        if isinstance(caller, Workload) and wanted(caller) == 0:
            continue
        known = caller if isinstance(caller, Workload) else None
        if known is None and call.caller.kind != "Ingress":
            continue
        seen.add((call.caller, call.callee))
        yield from _to(graph, known, service, call)


def _to(graph: Graph, caller: Workload | None, service: Service, call: Call) -> Iterator[Blocked]:
    end = end_of(graph, caller) if caller is not None else None
    ports = [port for port in service.spec.ports if call.port in (0, port.port)]
    for callee in graph.selected_workloads(service):
        for port in ports[:1]:
            aim = (target_of(port), port.protocol)
            for direction, policies in blockers(graph, end, end_of(graph, callee), aim):
                yield Blocked(direction, caller, callee, service, aim, policies)


def _lookups(graph: Graph, calls: Calls) -> Iterator[Blocked]:
    """Callers by name that may not ask the DNS."""
    servers = [
        End(item.metadata.namespace, item.spec.selector)
        for item in graph.snap.of(Service)
        if item.metadata.namespace == "kube-system"
        and item.spec.selector
        and any(port.port == DNS_PORT[0] for port in item.spec.ports)
    ]
    callers = {call.caller for call in calls.edges}
    for ref in sorted(callers):
        caller = graph.snap.find(ref)
        if not isinstance(caller, Workload) or wanted(caller) == 0:
            continue
        for server in servers:
            for direction, policies in blockers(graph, end_of(graph, caller), server, DNS_PORT):
                if direction == EGRESS:
                    yield Blocked(EGRESS, caller, None, None, DNS_PORT, policies)
