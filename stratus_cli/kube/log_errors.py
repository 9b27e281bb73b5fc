"""Which workloads' ready pods log errors now, how much of what they log, and since when. Pure.

A log keeps what was said before a repair, so only the newest lines count, and only those written
since the workload and what it calls became ready: errors during a rollout end with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_lines import is_continuation, is_error, template
from stratus_cli.kube.pods import condition, is_live, is_ready
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_batch import Job
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import LogTail, ref_of

# Our choices. Few enough that a repair shows soon, enough that a share says something.
MANY = 0.2  # a share of errors; a program that retries or warns in passing stays below
NEWEST_LINES = 40
NEWEST = timedelta(seconds=60)
LEAST_ERRORS = 5
GOING_ON = timedelta(seconds=30)  # without an error for longer, it is over
LEAST_SPAN = timedelta(seconds=10)  # shorter is a blip, unless there are
MANY_ERRORS = 100  # as many as a busy program writes before ten seconds have been read
SETTLED = timedelta(seconds=5)  # until clients see that a pod is ready again
TIMES_MORE = 4  # than before: then the errors began within what was read


@dataclass(frozen=True, slots=True)
class Errors:
    """What the ready pods of one owner log. lines, errors: of the newest ones of all read pods.

    first: of the last minute's errors, none of them from before the last rollout. began: errors
    were few before them, in the same log. samples: (pod, container, line), the commonest error
    first, one of each template.
    """

    owner: Ref
    lines: int
    errors: int
    first: datetime
    last: datetime
    began: bool
    samples: tuple[tuple[Ref, str, str], ...]

    @property
    def share(self) -> float:
        """0..1."""
        return self.errors / self.lines


@dataclass(frozen=True, slots=True)
class _Line:
    pod: Ref
    container: str
    text: str
    at: datetime
    wrong: bool


def errors_of_ready(graph: Graph) -> Iterator[Errors]:
    """Each owner whose ready pods have logged errors for a while and still do."""
    tails: dict[Ref, list[LogTail]] = {}
    owners: dict[Ref, KubeObject] = {}
    for tail in graph.snap.signals.logs:
        pod = graph.snap.find(tail.pod)
        if tail.previous or len(tail.times) != len(tail.lines) or not isinstance(pod, Pod):
            continue
        if is_live(pod) and is_ready(pod):
            owner = graph.top_owner(pod)
            owners[ref_of(owner)] = owner
            tails.setdefault(ref_of(owner), []).append(tail)
    for ref in sorted(tails):
        found = _judge(graph, owners[ref], tails[ref])
        if found is not None:
            yield found


def newest_of(graph: Graph, owner: Ref) -> tuple[int, int] | None:
    """(lines, errors) of the newest lines of an owner's ready pods, since they became ready.

    None where no log with times was read of any of its pods.
    """
    item = graph.snap.find(owner)
    tails = [
        tail
        for tail in graph.snap.signals.logs
        if tail.times
        and not tail.previous
        and (pod := graph.snap.find(tail.pod)) is not None
        and ref_of(graph.top_owner(pod)) == owner
    ]
    if item is None or not tails:
        return None
    newest = _newest(_since_settled(graph, item, tails), graph.snap.taken_at)
    return len(newest), sum(line.wrong for line in newest)


def _newest(lines: Sequence[_Line], now: datetime) -> list[_Line]:
    return [line for line in lines[-NEWEST_LINES:] if now - line.at <= NEWEST]


def _since_settled(graph: Graph, owner: KubeObject, tails: Sequence[LogTail]) -> list[_Line]:
    settled = _settled_at(graph, owner)
    found = (line for tail in tails for line in _lines(tail))
    return sorted(
        (line for line in found if settled is None or line.at >= settled),
        key=lambda line: line.at,
    )


def _judge(graph: Graph, owner: KubeObject, tails: Sequence[LogTail]) -> Errors | None:
    now, lines = graph.snap.taken_at, _since_settled(graph, owner, tails)
    newest = _newest(lines, now)
    wrong = [line for line in newest if line.wrong]
    if len(wrong) < LEAST_ERRORS or now - wrong[-1].at > GOING_ON:
        return None
    lately = [line for line in lines if now - line.at <= NEWEST]
    first = next(line.at for line in lately if line.wrong)
    if wrong[-1].at - first < LEAST_SPAN and sum(line.wrong for line in lately) < MANY_ERRORS:
        return None
    older = lines[: len(lines) - len(newest)]
    share = len(wrong) / len(newest)
    return Errors(
        owner=ref_of(owner),
        lines=len(newest),
        errors=len(wrong),
        first=first,
        last=wrong[-1].at,
        began=_began(older, share) or _began(newest[: newest.index(wrong[0])], share),
        samples=tuple(_samples(wrong)),
    )


def _began(before: Sequence[_Line], share: float) -> bool:
    if len(before) < LEAST_ERRORS:
        return False
    return sum(line.wrong for line in before) / len(before) * TIMES_MORE <= share


def _samples(wrong: Sequence[_Line]) -> Iterator[tuple[Ref, str, str]]:
    templates = {line: template(line.text) for line in wrong}
    last = {templates[line]: line for line in wrong}
    for text, _ in Counter(templates.values()).most_common():
        yield last[text].pod, last[text].container, last[text].text


def _lines(tail: LogTail) -> Iterator[_Line]:
    for text, at in zip(tail.lines, tail.times, strict=True):
        if text.strip() and not is_continuation(text):
            yield _Line(tail.pod, tail.container, text, at, is_error(text))


def _settled_at(graph: Graph, owner: KubeObject) -> datetime | None:
    """Since when its own pods, and those of what it calls, have been ready."""
    around = (graph.snap.find(ref) for ref in graph.calls.callees(ref_of(owner)))
    pods: list[Pod] = [
        pod
        for item in (owner, *around)
        if isinstance(item, Workload)
        for pod in graph.pods_of(item)
    ]
    if isinstance(owner, Job | Pod):
        pods += [item for item in (owner, *graph.owned_by(owner)) if isinstance(item, Pod)]
    newest = max(_ready_since(pods), default=None)
    return newest + SETTLED if newest is not None else None


def _ready_since(pods: Iterable[Pod]) -> Iterator[datetime]:
    for pod in pods:
        ready = condition(pod.status.conditions, "Ready")
        if is_live(pod) and ready is not None and ready.last_transition_time is not None:
            yield ready.last_transition_time
