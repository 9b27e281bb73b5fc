"""Observe: one Snapshot of the asked scope, from a live cluster, the twin or a recording.

Reads only. Everything that thinks works on the Snapshot; nothing is read behind its back.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from stratus_cli.cluster.parallel import in_parallel
from stratus_cli.cluster.recorded import RecordedCluster
from stratus_cli.flow.gather import Gathered, add_owners, gather, gather_custom, prepare
from stratus_cli.kube.custom_owners import custom_info
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.operators import kinds_looked_after
from stratus_cli.model.errors import ClusterAnswer, NotFound, StratusError, UsageError
from stratus_cli.model.objects import Event
from stratus_cli.model.ports import Cluster, Ports, Source
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Gap, GapReason, Scope, Signals, Snapshot
from stratus_cli.telemetry.certificates import CertificateSource
from stratus_cli.telemetry.logs import LogSource
from stratus_cli.telemetry.usage import UsageSource


@dataclass(frozen=True)
class ScopeRequest:
    """Which namespaces to read. (): every one that may be listed."""

    asked: tuple[str, ...] = ()


def observe(ports: Ports, request: ScopeRequest) -> Snapshot:
    """A fresh look. UsageError when an asked namespace does not exist."""
    return look_closely(ports, request, keep_raw=False)[0]


def look_closely(
    ports: Ports, request: ScopeRequest, *, keep_raw: bool
) -> tuple[Snapshot, Gathered]:
    """The Snapshot, and with keep_raw the masked items that it was decoded from."""
    prepare()
    asked = tuple(dict.fromkeys(request.asked))
    cluster = ports.cluster
    if isinstance(cluster, RecordedCluster):
        return _replayed(cluster, asked, keep_raw=keep_raw)
    taken_at = ports.clock.now()
    jobs: list[Callable[[], Any]] = [
        cluster.identity,
        lambda: gather(cluster, asked, keep_raw=keep_raw),
    ]
    identity, found = in_parallel(jobs)
    add_owners(found, cluster, asked, keep_raw=keep_raw)
    _check_asked(cluster, asked, found)
    snap = Snapshot(taken_at, identity, {}, scope=_scope(asked, found))
    snap = _filled(snap, found)
    snap = with_all_signals(ports.sources, snap)
    # In this order: whom telemetry accuses has its log read, whom logs accuse its usage.
    snap = with_signals(LogSource(cluster), snap)
    snap = _with_looked_after(cluster, snap, asked, found, keep_raw=keep_raw)
    for source in (UsageSource(cluster), CertificateSource(cluster)):
        snap = with_signals(source, snap)
    return snap, found


def _with_looked_after(
    cluster: Cluster, snap: Snapshot, asked: tuple[str, ...], found: Gathered, *, keep_raw: bool
) -> Snapshot:
    """With the custom resources of operators whose logs say that what they make is refused.

    What they made may be gone, so that nothing else leads there.
    """
    more = gather_custom(cluster, asked, kinds_looked_after(Graph(snap)), found, keep_raw=keep_raw)
    found.join(more)
    return replace(
        snap,
        objects={**snap.objects, **more.objects},
        gaps=(*snap.gaps, *more.gaps),
        originals={**snap.originals, **more.originals},
    )


def _replayed(
    cluster: RecordedCluster, asked: tuple[str, ...], *, keep_raw: bool
) -> tuple[Snapshot, Gathered]:
    """What was seen when the recording was taken, narrowed to the asked namespaces."""
    past = cluster.recording
    scope = past.scope
    for name in asked:
        if name not in scope.read:
            raise _no_namespace(name, scope.read, f"the recording {cluster.path}")
    found = gather(cluster, asked, keep_raw=keep_raw)
    add_owners(found, cluster, asked, keep_raw=keep_raw)
    custom = (kind for kind in cluster.custom_kinds() if kind[0] not in found.objects)
    if kinds := tuple(custom_info(*kind) for kind in custom):
        found.join(gather(cluster, asked, kinds, keep_raw=keep_raw))
    if asked and asked != scope.asked:
        scope = Scope(asked, asked, scope.total)
    signals = past.signals
    if asked:
        signals = replace(
            signals,
            logs=tuple(tail for tail in signals.logs if scope.covers(tail.pod.namespace)),
            traffic=tuple(unit for unit in signals.traffic if scope.covers(unit.ref.namespace)),
            calls=tuple(call for call in signals.calls if scope.covers(call.caller.namespace)),
            usage=tuple(item for item in signals.usage if scope.covers(item.pod.namespace)),
        )
    gaps = tuple(gap for gap in past.gaps if scope.covers(gap.namespace))
    snap = Snapshot(past.taken_at, past.cluster, {}, signals=signals, scope=scope)
    return replace(_filled(snap, found), gaps=gaps), found


def _filled(snap: Snapshot, found: Gathered) -> Snapshot:
    """With the objects, events and gaps."""
    objects = dict(found.objects)
    events = [item for item in objects.pop(Event.KIND, ()) if isinstance(item, Event)]
    return replace(
        snap,
        objects=objects,
        events=tuple(events),
        gaps=tuple(found.gaps),
        originals=found.originals,
    )


def with_all_signals(sources: Sequence[Source], snap: Snapshot) -> Snapshot:
    """With the signals of several sources, none of which needs another's: asked at once."""
    if len(sources) < 2:
        return with_signals(sources[0], snap) if sources else snap
    told = in_parallel([partial(with_signals, source, snap) for source in sources])
    signals, gaps = snap.signals, snap.gaps
    for one in told:
        signals = _joined(signals, one.signals, snap.signals)
        gaps = (*gaps, *one.gaps[len(snap.gaps) :])
    return replace(snap, signals=signals, gaps=gaps)


def _joined(known: Signals, told: Signals, base: Signals) -> Signals:
    """Both, where each has added to the same base."""
    made: dict[str, Any] = {}
    for field in fields(Signals):
        one, other = getattr(known, field.name), getattr(told, field.name)
        if isinstance(one, tuple):
            made[field.name] = (*one, *other[len(getattr(base, field.name)) :])
        else:
            made[field.name] = one if other is None else other
    return Signals(**made)


def with_signals(source: Source, snap: Snapshot) -> Snapshot:
    """With a source's signals. Telemetry that fails is a gap and never fails the look."""
    try:
        return source.read(snap)
    except (StratusError, OSError, ValueError) as error:
        what = error.what if isinstance(error, StratusError) else str(error)
        gap = Gap(source.name, GapReason.ABSENT, what[:200])
        return replace(snap, gaps=(*snap.gaps, gap))


def _scope(asked: tuple[str, ...], found: Gathered) -> Scope:
    """Which namespaces were read: where not all could be, those in which pods could be listed."""
    names = tuple(sorted(item.metadata.name for item in found.objects.get("Namespace", ())))
    if asked:
        return Scope(asked, asked, len(names))
    pods = [
        gap for gap in found.gaps if gap.subject == "Pod" and gap.reason is not GapReason.UNREADABLE
    ]
    unread = {gap.namespace for gap in pods}
    if "" in unread:
        return Scope((), (), len(names))
    if not names:
        names = tuple(
            sorted(
                {
                    item.metadata.namespace
                    for items in found.objects.values()
                    for item in items
                    if item.metadata.namespace
                }
            )
        )
        return Scope((), names, 0)
    return Scope((), tuple(name for name in names if name not in unread), len(names))


def _check_asked(cluster: Cluster, asked: tuple[str, ...], found: Gathered) -> None:
    if not asked:
        return
    if "Namespace" in found.objects:
        names = [item.metadata.name for item in found.objects["Namespace"]]
        for name in asked:
            if name not in names:
                raise _no_namespace(name, names, "the cluster")
        return
    for name in asked:  # the names may not be listed; each one perhaps may be read
        try:
            absent = cluster.get(Ref("Namespace", "", name)) is None
        except ClusterAnswer as error:
            absent = isinstance(error, NotFound)
        if absent:
            raise _no_namespace(name, (), "the cluster")


def _no_namespace(name: str, names: Sequence[str], where: str) -> UsageError:
    near = difflib.get_close_matches(name, names, 1)
    some = ", ".join(sorted(names)[:8])
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {some}." if some else ""
    return UsageError(f"there is no namespace {name!r}", where, hint)
