"""Snapshot: what was read from a cluster at one moment, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

from stratus_cli.model.objects import Event, KubeObject
from stratus_cli.model.ref import ClusterIdentity, Ref

ObjectT = TypeVar("ObjectT", bound=KubeObject)


class GapReason(Enum):
    """Why something is not in a Snapshot. Values are shown and written to reports."""

    FORBIDDEN = "forbidden"
    NOT_SERVED = "not served"
    TIMED_OUT = "timed out"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    ABSENT = "absent"  # a telemetry source that is not there


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read. subject: a kind ("Pod") or a source ("prometheus").

    namespace: "" for all namespaces of the scope. A gap is never the same as an empty list.
    """

    subject: str
    reason: GapReason
    detail: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which namespaces were asked for and read.

    asked: () means every namespace. read/total: numbers for the header; total 0 = unknown.
    """

    asked: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    total: int = 0

    def covers(self, namespace: str) -> bool:
        """Whether objects of this namespace belong to the asked scope (cluster-scoped: yes)."""
        return not namespace or not self.asked or namespace in self.asked


@dataclass(frozen=True, slots=True)
class Alert:
    """One firing alert. starts_at/updated_at as Alertmanager gives them."""

    name: str
    labels: Mapping[str, str]
    starts_at: datetime | None = None
    updated_at: datetime | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Request figures of one unit over window_s seconds.

    requests: count in the window; error_rate: 0..1; p99_s: seconds, successful requests only.
    None where the source has no answer. error_mad, p99_mad: how much they vary by themselves
    (median absolute deviation over the last half hour); error_minute: error_rate of the newest of
    those steps. error_past, p99_past: their medians over that half hour without the newest minutes;
    p99_minute: p99_s of the newest step. Not read during a change. p99_low_s, p99_high_s: between
    which p99_s is for all that is known (few requests, wide buckets); infinite in the last bucket.
    p99_minute_low_s: what p99_minute is at least, likewise. p99_young: the median of all but the
    newest step of a unit that is too young for p99_past.
    """

    ref: Ref
    window_s: float
    requests: float | None
    error_rate: float | None
    p99_s: float | None
    taken_at: datetime
    error_mad: float | None = None
    p99_mad: float | None = None
    error_minute: float | None = None
    error_past: float | None = None
    p99_past: float | None = None
    p99_minute: float | None = None
    p99_low_s: float | None = None
    p99_high_s: float | None = None
    p99_minute_low_s: float | None = None
    p99_young: float | None = None


@dataclass(frozen=True, slots=True)
class AlertRule:
    """How an alert comes about. look_back_s: from its oldest sample to its start, `for` included.

    interval_s: between two evaluations.
    """

    name: str
    look_back_s: float
    interval_s: float


@dataclass(frozen=True, slots=True)
class LogTail:
    """Last lines of one container, redacted. previous: of the instance before the last restart.

    times: when each line was written, by the node's clock; () where that was not asked for.
    """

    pod: Ref
    container: str
    previous: bool
    lines: tuple[str, ...]
    times: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class TracedCall:
    """Calls that traces show. caller: a workload; callee: a Service. errors: None: not known."""

    caller: Ref
    callee: Ref
    requests: float
    errors: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one container uses of its limits. All None where no source says.

    throttled: share of its CPU periods in which it was throttled, 0..1; memory: share of its limit;
    cpu_cores: cores used; memory_b: bytes of its working set.
    """

    pod: Ref
    container: str
    throttled: float | None = None
    memory: float | None = None
    cpu_cores: float | None = None
    memory_b: float | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a Secret of type kubernetes.io/tls says of itself; its key is dropped while reading.

    not_before, not_after: None where its certificate cannot be read. names: DNS names it is for.
    """

    ref: Ref
    not_before: datetime | None = None
    not_after: datetime | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signals:
    """What telemetry said. sources: names of the sources that answered.

    rules: alerts whose look-back is known; scrape_s: between two scrapes. Only read before and
    during a change.
    """

    alerts: tuple[Alert, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    logs: tuple[LogTail, ...] = ()
    sources: tuple[str, ...] = ()
    rules: tuple[AlertRule, ...] = ()
    scrape_s: float | None = None
    calls: tuple[TracedCall, ...] = ()
    usage: tuple[Usage, ...] = ()
    certificates: tuple[Certificate, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """Immutable. objects: decoded Structs by kind; a kind that was not read is not in it.

    originals: JSON of the objects that people change, by kind, namespace and name, masked as it was
    listed: a Struct has only the fields that something reads, and any field may be the fault.
    """

    taken_at: datetime
    cluster: ClusterIdentity
    objects: Mapping[str, tuple[KubeObject, ...]]
    events: tuple[Event, ...] = ()
    signals: Signals = field(default_factory=Signals)
    gaps: tuple[Gap, ...] = ()
    scope: Scope = field(default_factory=Scope)
    originals: Mapping[tuple[str, str, str], bytes] = field(default_factory=dict, repr=False)

    def of(self, kind: type[ObjectT]) -> tuple[ObjectT, ...]:
        """All objects of one Struct type, e.g. snap.of(Pod). () when none or not read."""
        return self.objects.get(kind.KIND, ())  # type: ignore[return-value]  # keyed by KIND

    def get(self, kind: type[ObjectT], namespace: str, name: str) -> ObjectT | None:
        """One object by name, or None."""
        return self._by_name.get((kind.KIND, namespace, name))  # type: ignore[return-value]  # keyed by KIND

    def find(self, ref: Ref) -> KubeObject | None:
        """One object by Ref (kind, namespace, name), or None."""
        return self._by_name.get((ref.kind, ref.namespace, ref.name))

    def was_read(self, kind: str) -> bool:
        """Whether the kind was listed without a gap, so that absence means absence."""
        return kind in self.objects and all(gap.subject != kind for gap in self.gaps)

    def all_objects(self) -> Iterator[KubeObject]:
        """Every object of every kind, events excluded."""
        for items in self.objects.values():
            yield from items

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str, str], KubeObject]:
        return {
            (kind, item.metadata.namespace, item.metadata.name): item
            for kind, items in self.objects.items()
            for item in items
        }


def in_order(snap: Snapshot) -> Snapshot:
    """The same, with objects and events by namespace and name, so that order decides nothing."""
    return replace(
        snap,
        objects={kind: _sorted(snap.objects[kind]) for kind in sorted(snap.objects)},
        events=_sorted(snap.events),
    )


def _sorted(items: tuple[ObjectT, ...]) -> tuple[ObjectT, ...]:
    meta = [(item.metadata.namespace, item.metadata.name) for item in items]
    if all(one <= other for one, other in pairwise(meta)):
        return items
    return tuple(sorted(items, key=lambda item: (item.metadata.namespace, item.metadata.name)))


def ref_of(item: KubeObject) -> Ref:
    """The Ref of a decoded object, with its api version and uid."""
    meta = item.metadata
    return Ref(item.KIND, meta.namespace, meta.name, item.API_VERSION, meta.uid)


def ref_of_json(item: Mapping[str, Any]) -> Ref:
    """The Ref of a raw JSON object that carries kind and apiVersion."""
    meta = item["metadata"]
    return Ref(
        item["kind"],
        meta.get("namespace", ""),
        meta["name"],
        item["apiVersion"],
        meta.get("uid", ""),
    )
