"""Comparing one unit's vector with what it was: which components are better, which worse.

Pure. Components in the order of the vector: stage, ready, endpoints, errors, latency, problems.
Alerts are no component: a stale one is neither good nor bad news, and one that is right agrees with
a direct reading of its unit, which is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from stratus_cli.model.health import UnitHealth

ERROR_NOISE = 0.05  # DESIGN.md: at least 5 % for errors
P99_NOISE = 0.20  # DESIGN.md: at least 20 % for p99
MADS = 3  # DESIGN.md: 3 MAD over the last 30 min where Prometheus has them


@dataclass(frozen=True)
class Moved:
    """One component that moved beyond its noise. what: for people."""

    component: str
    better: bool
    what: str


class _P99(NamedTuple):
    """Seconds, and between which two values it is."""

    value: float
    low: float
    high: float


def compare(before: Sequence[UnitHealth], now: UnitHealth) -> tuple[Moved, ...]:
    """The components that moved, in the order of the vector. before: the baseline's samples.

    Worse means worse than in every sample, beyond the noise of that sample; better likewise. A
    term that is missing on a side is not compared.
    """
    found = []
    for name, measure, differs in _COMPONENTS:
        new = measure(now)
        old = [(sample, value) for sample in before if (value := measure(sample)) is not None]
        if new is None or not old:
            continue
        moves = {differs(value, new, sample) for sample, value in old}
        if len(moves) == 1 and (move := moves.pop()):
            what = f"{name} {_text(old[-1][1])} -> {_text(new)}"
            found.append(Moved(name, better=move > 0, what=what))
    return tuple(found)


def is_scaling(unit: UnitHealth, moved: Moved) -> bool:
    """Fewer of what its autoscaler wants fewer of: all that is wanted is there."""
    return unit.autoscaled and not moved.better and is_sated(unit, moved.component)


def is_sated(unit: UnitHealth, component: str) -> bool:
    """Whether it has as many pods or endpoints as it wants, and wants any."""
    have = {"ready": unit.ready, "endpoints": unit.endpoints}.get(component)
    return have is not None and bool(unit.wanted) and have >= (unit.wanted or 0)


def error_noise(before: UnitHealth) -> float:
    """How much more or fewer errors are none, as a share of all requests."""
    return max(ERROR_NOISE, MADS * (before.error_mad or 0.0))


def p99_noise(before: UnitHealth) -> float:
    """How many seconds more or less are none."""
    return max(P99_NOISE * (before.p99_s or 0.0), MADS * (before.p99_mad or 0.0))


def _more(old: int, new: int, before: UnitHealth) -> int:
    return (new > old) - (new < old)


def _fewer_errors(old: float, new: float, before: UnitHealth) -> int:
    return (old > new + error_noise(before)) - (new > old + error_noise(before))


def _p99(unit: UnitHealth) -> _P99 | None:
    if unit.p99_s is None:
        return None
    if unit.p99_low_s is None:
        return _P99(unit.p99_s, unit.p99_s, unit.p99_s)
    high = math.inf if unit.p99_high_s is None else unit.p99_high_s
    return _P99(unit.p99_s, unit.p99_low_s, high)


def _faster(old: _P99, new: _P99, before: UnitHealth) -> int:
    """By what is known of both for sure: a p99 of 20 requests is the slowest one."""
    noise = p99_noise(before)
    return (old.low > new.high + noise) - (new.low > old.high + noise)


def _fewer_problems(old: tuple[str, ...], new: tuple[str, ...], before: UnitHealth) -> int:
    """A new problem makes it worse, whatever else is gone."""
    if set(new) - set(old):
        return -1
    return int(bool(set(old) - set(new)))


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, _P99):
        return _text(value.value)
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return getattr(value, "name", str(value)).lower()


_COMPONENTS: tuple[
    tuple[str, Callable[[UnitHealth], Any], Callable[[Any, Any, UnitHealth], int]], ...
] = (
    ("stage", lambda unit: unit.stage, _more),
    ("ready", lambda unit: unit.ready, _more),
    ("endpoints", lambda unit: unit.endpoints, _more),
    ("errors", lambda unit: unit.error_rate, _fewer_errors),
    ("p99", _p99, _faster),
    ("problems", lambda unit: unit.problems, _fewer_problems),
)
"""Name, value, and how a new value differs from an old one: 1 better, -1 worse, 0 the same."""
