"""Which hypotheses become roots, and which roots belong to one incident. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from stratus_cli.flow.folding import STRONG, WEAK
from stratus_cli.flow.hypotheses import GENERAL, SURE_ENOUGH, without_echoes
from stratus_cli.flow.upstream import folded, nearest
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.fields import segments
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.slo import ACCUSING
from stratus_cli.model.diagnosis import Diagnosis
from stratus_cli.model.finding import Evidence, Finding, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Deployment, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

CONSEQUENCES = frozenset({"WRK201", "WRK203", "SVC301"})
"""Findings that follow from others: sharing one of these does not make two causes rivals."""

REWRITING = frozenset({"BAT904"})
"""Findings on an object that is written again and again: its repair holds once that is stopped."""

FOLLOWING = CONSEQUENCES.union(ACCUSING)
"""What is told with the root of its own object; ACCUSING also with that of what it calls."""

ONE_CHANGE = timedelta(minutes=5)
"""Equal changes this close together are one push. Our choice: a deploy to many workloads takes
minutes, two people breaking the same thing in the same way at the same time is rare."""

AT_ONCE = timedelta(minutes=1)
MANY = 3


ALONE = frozenset({"unexplained", "node-not-ready", "node-under-pressure"})
"""Causes that nothing written to the cluster cures: they must not hold up the repair of others that
have the same object as their root."""


def choose(found: Iterable[Diagnosis]) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """(roots, rivals): where causes explain the same primary finding, the surer one is the root.

    Roots of one cause stand side by side (eight images of one push), but for a mere hint where
    something surer explains all that it does.
    """
    roots: list[Diagnosis] = []
    rivals: list[Diagnosis] = []
    taken: dict[tuple[str, Ref], str] = {}
    sure: set[tuple[str, Ref]] = set()
    order = sorted(
        without_echoes(item for item in found if item.explains),
        key=lambda item: (-item.confidence, item.cause, str(item.root), item.field),
    )
    for one in order:
        item = _what_is_left(one, taken) if one.cause in GENERAL else one
        primary = [key for key in item.explains if key[0] not in CONSEQUENCES]
        primary = primary or list(item.explains)  # where nothing else is said, they are the matter
        beaten = any(taken.get(key, item.cause) != item.cause for key in primary) or (
            item.confidence <= WEAK and sure.issuperset(primary)
        )
        if beaten or item.confidence < SURE_ENOUGH:
            rivals.append(item)
            continue
        roots.append(item)
        taken.update((key, item.cause) for key in primary)
        sure.update(primary if item.confidence >= STRONG else ())
    return roots, rivals


def _what_is_left(item: Diagnosis, taken: Mapping[tuple[str, Ref], str]) -> Diagnosis:
    """Without the findings that others explain; all of it where nothing else is left."""
    left = tuple(key for key in item.explains if taken.get(key, item.cause) == item.cause)
    if not any(key[0] not in CONSEQUENCES for key in left):
        return item
    return replace(item, explains=left)


def complete(
    graph: Graph, findings: Sequence[Finding], roots: Sequence[Diagnosis]
) -> list[Diagnosis]:
    """The roots, with one more per owner whose outage or degraded findings no cause explains.

    What merely follows (a Service whose workload has a root) is added to that root instead.
    """
    explained = {key for root in roots for key in root.explains}
    owners = {_touched(graph, ref): root for root in reversed(roots) for _, ref in root.explains}
    by_owner: dict[Ref, list[Finding]] = defaultdict(list)
    follows: dict[int, list[tuple[str, Ref]]] = defaultdict(list)
    for finding in findings:
        if finding.key in explained or finding.severity < Severity.DEGRADED:
            continue
        owner = _owner(graph, finding, owners)
        cause = nearest(graph, owner, owners) if finding.rule in ACCUSING else owner
        if finding.rule in FOLLOWING and cause in owners:
            follows[id(owners[cause])].append(finding.key)
        else:
            by_owner[owner].append(finding)
    return [
        *(replace(root, explains=(*root.explains, *follows[id(root)])) for root in roots),
        *(_unexplained(owner, items) for owner, items in sorted(folded(graph, by_owner).items())),
    ]


def group(graph: Graph, roots: Sequence[Diagnosis]) -> list[tuple[Diagnosis, ...]]:
    """Roots that share a symptom, an object or one change belong together."""
    parent = list(range(len(roots)))

    def top(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    first: dict[Hashable, int] = {}
    for index, root in enumerate(roots):
        shared: list[Hashable] = [*root.explains]
        if root.cause not in ALONE:
            shared.append(root.root)
            # Who writes an object again and again belongs with what is wrong in that object.
            shared.extend(ref for rule, ref in root.explains if rule in REWRITING)
        for key in shared:
            parent[top(index)] = top(first.setdefault(key, index))
    for left, right in _one_change(graph, roots):
        parent[top(left)] = top(right)
    members: dict[int, list[Diagnosis]] = defaultdict(list)
    for index, root in enumerate(roots):
        members[top(index)].append(root)
    return [tuple(items) for items in members.values()]


def _one_change(graph: Graph, roots: Sequence[Diagnosis]) -> Iterator[tuple[int, int]]:
    """Pairs of roots that one push made: the same value within minutes, or the same field at once.

    Other values count only where one field was changed in many objects within a minute: two people
    who break the same thing at the same time are rare, three are a script.
    """
    same: dict[Hashable, list[tuple[datetime, str, int]]] = defaultdict(list)
    alike: dict[Hashable, list[tuple[datetime, str, int]]] = defaultdict(list)
    for index, root in enumerate(roots):
        at = _changed_at(graph, root) if root.field else None
        if root.cause != "unexplained" and at is not None:
            key = (root.cause, root.root.namespace, root.root.kind)
            same[(*key, root.observed)].append((at, str(root.root), index))
            alike[(*key, _kind_of_field(root.field))].append((at, str(root.root), index))
    for items in same.values():
        yield from _chained(items, ONE_CHANGE, 2)
    for items in alike.values():
        yield from _chained(items, AT_ONCE, MANY)


def _chained(
    items: Sequence[tuple[datetime, str, int]], within: timedelta, least: int
) -> Iterator[tuple[int, int]]:
    """Neighbours in chains of at least so many objects, each this close to the one before."""
    chain: list[tuple[datetime, str, int]] = []
    for item in (*sorted(items), None):
        if item is not None and (not chain or item[0] - chain[-1][0] <= within):
            chain.append(item)
            continue
        if len({name for _, name, _ in chain}) >= least:
            yield from ((one, other) for (_, _, one), (_, _, other) in pairwise(chain))
        chain = [item] if item is not None else []


def _kind_of_field(path: str) -> tuple[str, ...]:
    """The names in a path, without which element of a list or what inside a text is meant."""
    try:
        return tuple(part for part in segments(path) if isinstance(part, str))
    except ValueError:  # see fields.read
        return (path,)


def _changed_at(graph: Graph, item: Diagnosis) -> datetime | None:
    """When the field was changed: its revision's ReplicaSet, else what managedFields remember."""
    owner = graph.snap.find(item.root)
    if isinstance(owner, Deployment) and item.field.startswith("spec.template."):
        current = graph.current_replica_set(owner)
        if current is not None:
            return current.metadata.creation_timestamp
    change = last_change(owner, item.field) if owner is not None else None
    return change.at if change else None


def _touched(graph: Graph, ref: Ref) -> Ref:
    """The top owner of a symptom, or the symptom's own object."""
    item = graph.snap.find(ref)
    return ref_of(graph.top_owner(item)) if item is not None else ref


def _owner(graph: Graph, finding: Finding, touched: Mapping[Ref, Diagnosis]) -> Ref:
    """What an unexplained finding is about: the top owner, or the workload behind a Service."""
    item = graph.snap.find(finding.ref)
    if isinstance(item, Service) and finding.rule in CONSEQUENCES:
        behind = sorted(ref_of(workload) for workload in graph.selected_workloads(item))
        known = [ref for ref in behind if ref in touched]
        return (known or behind or [finding.ref])[0]
    if isinstance(item, Pod | Workload):
        return ref_of(graph.top_owner(item))
    return finding.ref


def _unexplained(owner: Ref, findings: list[Finding]) -> Diagnosis:
    worst = max(
        findings, key=lambda item: (item.rule not in CONSEQUENCES, item.severity, item.rule)
    )
    evidence = worst.evidence
    return Diagnosis(
        cause="unexplained",
        title=worst.message,
        root=owner,
        field=_field_of(owner, evidence),
        observed=worst.message,
        expected=None,
        confidence=0.0,
        evidence=tuple(piece for item in findings for piece in item.evidence),
        explains=tuple(item.key for item in findings),
        check=f"stratus explain {worst.rule}",
    )


def _field_of(owner: Ref, evidence: Sequence[Evidence]) -> str:
    """The owner's own field that the first piece of evidence shows; a metric's query is none."""
    first = evidence[0] if evidence else None
    is_own = first is not None and first.source == "object" and first.ref == owner
    return first.field if first is not None and is_own else ""
