"""Comparing one unit's vector with what it was: which components are better, which worse.

Pure. Components in the order of the vector: stage, ready, endpoints, errors, latency, problems.
Alerts are no component: a stale one is neither good nor bad news, and one that is right agrees with
a direct reading of its unit, which is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stratus_cli.model.health import UnitHealth

ERROR_NOISE = 0.05  # DESIGN.md: at least 5 % for errors
P99_NOISE = 0.20  # DESIGN.md: at least 20 % for p99


@dataclass(frozen=True)
class Moved:
    """One component that moved beyond its noise. what: for people."""

    component: str
    better: bool
    what: str


def compare(before: Sequence[UnitHealth], now: UnitHealth) -> tuple[Moved, ...]:
    """The components that moved, in the order of the vector. before: the baseline's samples.

    Worse means worse than in every sample; better likewise. A term that is missing on a side is
    not compared.
    """
    found = []
    for name, measure, is_worse in _COMPONENTS:
        new = measure(now)
        old = [value for sample in before if (value := measure(sample)) is not None]
        if new is None or not old:
            continue
        if all(is_worse(value, new) for value in old):
            found.append(Moved(name, better=False, what=f"{name} {_text(old[-1])} -> {_text(new)}"))
        elif all(is_worse(new, value) for value in old):
            found.append(Moved(name, better=True, what=f"{name} {_text(old[-1])} -> {_text(new)}"))
    return tuple(found)


def _fewer(old: int, new: int) -> bool:
    return new < old


def _more_errors(old: float, new: float) -> bool:
    return new > old + ERROR_NOISE


def _slower(old: float, new: float) -> bool:
    return new > old * (1 + P99_NOISE)


def _more_problems(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    """A new problem makes it worse, whatever else is gone."""
    return bool(set(new) - set(old))


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return getattr(value, "name", str(value)).lower()


_COMPONENTS: tuple[tuple[str, Callable[[UnitHealth], Any], Callable[[Any, Any], bool]], ...] = (
    ("stage", lambda unit: unit.stage, _fewer),
    ("ready", lambda unit: unit.ready, _fewer),
    ("endpoints", lambda unit: unit.endpoints, _fewer),
    ("errors", lambda unit: unit.error_rate, _more_errors),
    ("p99", lambda unit: unit.p99_s, _slower),
    ("problems", lambda unit: unit.problems, _more_problems),
)
