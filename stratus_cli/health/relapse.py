"""Containers that kept ending before the change, and that end once more while it is watched. Pure.

One end of the same kind is the old illness, not the change: its pod may lack for a while, as in a
rollout. It stays so only while the ends come no faster than before, and nothing is kept before the
container has run for longer than the time between two ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from stratus_cli.health.callers import callers_of
from stratus_cli.kube.alerts import unit_of
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import RESTART_WINDOW_S, Part, is_ready, live_pods, parts
from stratus_cli.model.health import Health
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import ContainerStateTerminated, Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

SAME = 0.8
"""This share of the time between two ends is no faster yet, and only beyond it has a container
outlived it: as much noise as DESIGN.md gives to latency (20 %). kubelet tells whole seconds, its
status is late by some, and a leak takes as long as the requests that feed it."""

Key = tuple[str, str]
"""A pod's uid and a container's name: a pod that the change makes has no past."""


@dataclass(frozen=True)
class _Past:
    """One container's ends. apart_s: between two, at most; None while it has not ended again.

    count: its restarts when it last ran. worse: it ended in another way, or faster than before.
    """

    end: ContainerStateTerminated
    count: int
    apart_s: float | None = None
    worse: bool = False


class Relapses:
    """What ended again since the baseline. before_at: when its newest sample was taken."""

    def __init__(self, before_at: datetime | None) -> None:
        self._before_at = before_at
        self._known: dict[Key, _Past] | None = None

    def see(self, graph: Graph) -> None:
        """One more look. The first one says who was ill: what ran then, and had ended before."""
        found = {key: part for _, key, part in _containers(graph)}
        if self._known is None:
            pasts = ((key, self._past(part)) for key, part in found.items())
            self._known = {key: past for key, past in pasts if past is not None}
            return
        for key, past in self._known.items():
            if key in found and not past.worse:
                self._known[key] = _next(past, found[key])

    def lacking(self, graph: Graph) -> Mapping[Ref, int]:
        """How many pods of each unit are away because their old illness came back."""
        away = {ref_of(pod) for pod, key, _ in _containers(graph) if self._is_away(pod, key)}
        if not away:
            return {}
        found: Counter[Ref] = Counter(unit_of(graph, ref) for ref in away)
        for service in graph.snap.of(Service):
            number = sum(ref_of(pod) in away for pod in graph.selected_pods(service))
            if number:
                found[ref_of(service)] = number
        return found

    def units(self, graph: Graph) -> frozenset[Ref]:
        """Units with a container that ended again, and none that ended worse than before."""
        found: dict[bool, set[Ref]] = {True: set(), False: set()}
        for pod, key, _ in _containers(graph):
            past = self._past_of(key)
            if past is not None and (past.worse or _ended(past)):
                found[past.worse].update(_units_of(graph, pod))
        return frozenset(found[False] - found[True])

    def callers(self, graph: Graph) -> frozenset[Ref]:
        """Who calls those units: the errors of that are the illness'."""
        return callers_of(graph, self.units(graph))

    def missing(self, graph: Graph, units: Collection[Ref]) -> tuple[str, ...]:
        """What of these units must be seen before a commit, as sentences."""
        texts = (
            f"{unit}: {_awaited(past, part, graph.snap.taken_at)}"
            for pod, key, part in _containers(graph)
            if (past := self._past_of(key)) is not None
            and _awaited(past, part, graph.snap.taken_at)
            and (unit := unit_of(graph, ref_of(pod))) in units
        )
        return tuple(dict.fromkeys(texts))

    def without_illness(self, health: Health, graph: Graph) -> Health:
        """Health as if the pods were there that their old illness took away: no harm of ours.

        Of their callers' errors nobody knows which are.
        """
        units = dict(health.units)
        for ref in self.callers(graph) & units.keys():
            units[ref] = replace(units[ref], error_rate=None)
        for ref, number in self.lacking(graph).items():
            unit = units.get(ref)
            if unit is not None and unit.endpoints is not None:
                units[ref] = replace(unit, endpoints=unit.endpoints + number)
        return replace(health, units=units)

    def _past(self, part: Part) -> _Past | None:
        end = part.status.last_state.terminated
        at = end.finished_at if end is not None else None
        if end is None or at is None or self._before_at is None or not part.status.state.running:
            return None
        age_s = (self._before_at - at).total_seconds()
        return _Past(end, part.status.restart_count) if 0 <= age_s <= RESTART_WINDOW_S else None

    def _past_of(self, key: Key) -> _Past | None:
        return (self._known or {}).get(key)

    def _is_away(self, pod: Pod, key: Key) -> bool:
        past = self._past_of(key)
        return past is not None and _ended(past) and not past.worse and not is_ready(pod)


def _ended(past: _Past) -> bool:
    return past.apart_s is not None


def _next(past: _Past, part: Part) -> _Past:
    """With what is new: that it runs again, or one more end."""
    end, count = part.last_end, part.status.restart_count
    if end is None or end.finished_at == past.end.finished_at:
        return replace(past, count=count) if part.status.state.running else past
    apart_s = _apart_s(past.end, end)
    alike = (end.reason, end.exit_code) == (past.end.reason, past.end.exit_code)
    if not alike or apart_s is None or count > past.count + 1:
        return replace(past, worse=True)
    least_s = past.apart_s or 0.0
    if apart_s < SAME * least_s:
        return replace(past, worse=True)
    running = part.status.state.running is not None
    # The longest counts: many that are each a little shorter would end in a faster illness.
    return _Past(end, count if running else past.count, max(apart_s, least_s))


def _apart_s(old: ContainerStateTerminated, new: ContainerStateTerminated) -> float | None:
    if old.finished_at is None or new.finished_at is None:
        return None
    return (new.finished_at - old.finished_at).total_seconds()


def _awaited(past: _Past, part: Part, now: datetime) -> str:
    """Why it has not shown yet that it is no worse than before; ""."""
    if past.apart_s is None:
        return ""
    name = part.status.name
    if past.worse:
        return f"container {name} ends faster than before, or in another way"
    running, needs_s = part.status.state.running, past.apart_s / SAME
    since = running.started_at if running is not None else None
    if since is None or (now - since).total_seconds() < needs_s:
        return f"container {name} to run for {needs_s:.0f} s, longer than between two ends"
    return ""


def _units_of(graph: Graph, pod: Pod) -> Iterator[Ref]:
    """Its workload, and the Services that mean it."""
    yield unit_of(graph, ref_of(pod))
    for service in graph.snap.of(Service):
        if pod in graph.selected_pods(service):
            yield ref_of(service)


def _containers(graph: Graph) -> Iterator[tuple[Pod, Key, Part]]:
    for pod in live_pods(graph):
        for part in parts(pod):
            if not part.is_init:
                yield pod, (pod.metadata.uid, part.status.name), part
