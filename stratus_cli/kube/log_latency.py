"""How long requests took, as programs log it: their newest ones beside the earlier ones. Pure.

Compared within one template (the same kind of line), since requests of different kinds differ.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import median

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_lines import is_error, template
from stratus_cli.kube.pods import is_live, is_ready
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

# Our choices. A median needs a few on both sides; what is compared must be of now.
LEAST = 10
NEWEST = timedelta(seconds=60)
LEAST_SPAN = timedelta(seconds=10)  # shorter is a blip
TIMES = 3.0
LEAST_S = 0.1  # less is not felt (Nielsen's limit of "at once")

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_NAME = (
    r"(?:request_|response_|upstream_|http\.)?(?:duration|latency|elapsed|took|time_taken|"
    r"response_time|request_time|elapsed_time|dur)"
)
_NAMED = re.compile(
    rf"\b{_NAME}(?:_?(?P<suffix>ns|nanos|us|micros|ms|msec|millis|milliseconds|s|sec|seconds))?"
    r"\"?\s*[=:]\s*\"?(?P<value>\d{1,12}(?:\.\d{1,12})?)(?P<unit>ns|us|µs|ms|s|m)?(?![\w.])",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"(?:\b(?:in|took|after|\d{3})|[|(])\s{0,8}\(?(?P<value>\d{1,9}(?:\.\d{1,12})?) ?"
    r"(?P<unit>ms|µs|us|s)\b"
)
_SUFFIXES = {
    "ns": "ns", "nanos": "ns", "us": "us", "micros": "us", "ms": "ms", "msec": "ms",
    "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "seconds": "s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slower:
    """An owner whose requests take longer than before. before_s, now_s: medians, in seconds.

    line: the newest such line, of pod and container.
    """

    owner: Ref
    before_s: float
    now_s: float
    pod: Ref
    container: str
    line: str


@dataclass(frozen=True, slots=True)
class _Took:
    at: datetime
    seconds: float
    pod: Ref
    container: str
    line: str


@lru_cache(maxsize=16384)
def took_s(line: str) -> float | None:
    """Seconds that the request of a line took; None when it does not say.

    A number without a unit is of seconds when it has a fraction or is nginx's, else of ms.
    """
    match = _NAMED.search(line)
    if match is not None:
        unit = match["unit"] or _SUFFIXES.get((match["suffix"] or "").lower(), "")
        if not unit:
            seconds = "." in match["value"] or "_time" in match[0].lower()
            unit = "s" if seconds else "ms"
        return float(match["value"]) * _UNITS[unit.lower()]
    match = _PLAIN.search(line)
    return float(match["value"]) * _UNITS[match["unit"]] if match is not None else None


def slower(graph: Graph) -> Iterator[Slower]:
    """Each owner whose ready pods log requests that take much longer than they did."""
    for owner, most in sorted(_commonest(graph).items()):
        found = _judge(owner, most, graph.snap.taken_at)
        if found is not None:
            yield found


def newest_median(graph: Graph, owner: Ref) -> float | None:
    """Seconds that an owner's newest requests took, by its ready pods' logs; None: too few."""
    took = _commonest(graph).get(owner, [])
    newest = [item.seconds for item in took[-2 * LEAST :]]
    return median(newest) if len(newest) >= LEAST else None


def _commonest(graph: Graph) -> dict[Ref, list[_Took]]:
    """By owner, the requests of its commonest kind, by time."""
    by_owner: dict[Ref, dict[str, list[_Took]]] = defaultdict(lambda: defaultdict(list))
    for tail in graph.snap.signals.logs:
        pod = graph.snap.find(tail.pod)
        if tail.previous or len(tail.times) != len(tail.lines) or not isinstance(pod, Pod):
            continue
        if not (is_live(pod) and is_ready(pod)):
            continue
        owner = ref_of(graph.top_owner(pod))
        for line, at in zip(tail.lines, tail.times, strict=True):
            seconds = took_s(line)
            if seconds is not None and not is_error(line):
                took = _Took(at, seconds, tail.pod, tail.container, line)
                by_owner[owner][template(line)].append(took)
    found: dict[Ref, list[_Took]] = {}
    for owner, kinds in by_owner.items():
        commonest = max(kinds.values(), key=len)
        found[owner] = sorted(commonest, key=lambda took: took.at)
    return found


def _judge(owner: Ref, took: list[_Took], now: datetime) -> Slower | None:
    newest = [item for item in took[-2 * LEAST :] if now - item.at <= NEWEST]
    older = took[: len(took) - len(newest)]
    if len(newest) < LEAST or len(older) < LEAST:
        return None
    earlier = median(item.seconds for item in older[: LEAST * 5])
    present = median(item.seconds for item in newest)
    slow = [item for item in took if item.seconds >= TIMES * earlier]
    if present < max(TIMES * earlier, earlier + LEAST_S) or not slow:
        return None
    if newest[-1].at - slow[0].at < LEAST_SPAN:
        return None
    last = newest[-1]
    return Slower(owner, earlier, present, last.pod, last.container, last.line)
