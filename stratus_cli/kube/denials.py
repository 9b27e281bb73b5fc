"""What ServiceAccounts tried and may not do, and objects that wait for somebody who may not. Pure.

A denial counts only while the roles and bindings still say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.log_facts import Denied, denied, facts_of
from stratus_cli.kube.log_patterns import FORBIDDEN
from stratus_cli.kube.pods import EVENT_WINDOW_S, age_s
from stratus_cli.kube.rbac import (
    SERVICE_ACCOUNT,
    Asked,
    account_of,
    allows,
    may,
    reaches,
    roles_of,
    were_read,
)
from stratus_cli.kube.workloads import wanted
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_batch import Job
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_rbac import RoleObject
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

WRITES = ("update", "patch")
"""Either of these takes a finalizer away."""
OF_THE_API_SERVER = ("kubernetes.io/", "foregroundDeletion", "orphan")
"""Finalizers that Kubernetes' own controllers take away when what they protect is gone."""


@dataclass(frozen=True, slots=True)
class Denial:
    """One thing that an account may not do. about: what suffers from it; role: whose rules."""

    namespace: str
    account: str
    asked: Asked
    about: KubeObject
    evidence: tuple[Evidence, ...]
    role: RoleObject | None = None


def denials(graph: Graph) -> tuple[Denial, ...]:
    """What logs and events say was denied and still is, each thing once."""
    if not were_read(graph):
        return ()
    found: dict[tuple[str, str, Asked, str], Denial] = {}
    for denial in (*_logged(graph), *_in_events(graph)):
        if may(graph, denial.namespace, denial.account, denial.asked):
            continue
        key = (denial.namespace, denial.account, denial.asked, denial.about.metadata.uid)
        found.setdefault(key, denial)
    return tuple(found[key] for key in sorted(found, key=str))


def waiting_for_rights(graph: Graph) -> Iterator[Denial]:
    """Objects that are to be deleted and wait for a controller that may no longer change them.

    The controller is a workload whose role speaks of the kind, may read it, may not change it, and
    was edited after it was made. Where that is not exactly one, nothing is said.
    """
    if not were_read(graph):
        return
    for item in terminating(graph):
        if item.KIND not in BY_KIND:
            continue
        info = BY_KIND[item.KIND]
        space, name = item.metadata.namespace, item.metadata.name
        writes = [Asked(verb, info.plural, info.group, space, name) for verb in WRITES]
        found = list(_unable(graph, writes))
        if len(found) != 1:
            continue
        workload, role = found[0]
        evidence = (
            field_evidence(item, "metadata.finalizers"),
            field_evidence(workload, "spec.template.spec.serviceAccountName"),
        )
        # Which of them its client uses is not known.
        for asked in writes:
            account = account_of(workload)
            yield Denial(workload.metadata.namespace, account, asked, item, evidence, role)


def terminating(graph: Graph) -> tuple[KubeObject, ...]:
    """Objects that are to be deleted and that a finalizer of somebody's keeps."""
    found = (
        item
        for item in graph.snap.all_objects()
        if item.metadata.deletion_timestamp is not None
        and not isinstance(item, Pod)
        and any(not _is_own(name) for name in item.metadata.finalizers)
    )
    return tuple(sorted(found, key=ref_of))


def _is_own(finalizer: str) -> bool:
    return finalizer.startswith(OF_THE_API_SERVER)


def _unable(graph: Graph, writes: list[Asked]) -> Iterator[tuple[Workload, RoleObject]]:
    seen: set[tuple[str, str]] = set()
    for workload in graph.workloads:
        space, account = workload.metadata.namespace, account_of(workload)
        if wanted(workload) == 0 or (space, account) in seen:
            continue
        seen.add((space, account))
        if any(may(graph, space, account, write) for write in writes):
            continue
        for grant in roles_of(graph, space, account):
            if (
                grant.role is not None
                and reaches(grant.binding, writes[0].namespace)
                and _speaks_of(grant.role, writes[0])
                and was_edited(grant.role)
            ):
                yield workload, grant.role
                break


def was_edited(role: RoleObject) -> bool:
    """Its rules were set later than it was made."""
    change = last_change(role, "rules")
    return change is not None and not change.at_creation


def _speaks_of(role: RoleObject, asked: Asked) -> bool:
    reads = [Asked(verb, asked.resource, asked.group, asked.namespace) for verb in ("get", "list")]
    return any(
        asked.resource in rule.resources and allows(rule, read)
        for rule in role.rules or ()
        for read in reads
    )


def _logged(graph: Graph) -> Iterator[Denial]:
    for tail in graph.snap.signals.logs:
        pod = graph.snap.find(tail.pod)
        if pod is None:
            continue
        for fact in facts_of(tail):
            said = denied(fact.line) if fact.kind == FORBIDDEN else None
            if said is not None:
                yield from _denial(said, graph.top_owner(pod), fact.evidence)


def _in_events(graph: Graph) -> Iterator[Denial]:
    for event in graph.snap.events:
        said = denied(event.message) if "cannot" in event.message else None
        if said is None or age_s(graph, event.last_seen) > EVENT_WINDOW_S:
            continue
        about = event.involved_object
        item = next(
            (
                found
                for found in graph.snap.objects.get(about.kind, ())
                if found.metadata.name == about.name and found.metadata.namespace == about.namespace
            ),
            None,
        )
        if item is not None:
            yield from _denial(said, graph.top_owner(item), event_evidence(item, event))


def _denial(said: Denied, about: KubeObject, evidence: Evidence) -> Iterator[Denial]:
    space, _, account = said.user.removeprefix(SERVICE_ACCOUNT).partition(":")
    if space and account and isinstance(about, Workload | Job | Pod):
        asked = Asked(said.verb, said.resource, said.group, said.namespace)
        yield Denial(space, account, asked, about, (evidence,))
