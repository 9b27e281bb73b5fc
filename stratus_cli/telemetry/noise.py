"""How much each unit's figures vary by themselves: median absolute deviations. Pure.

The median of distances from the median: a few outliers, such as one bad minute, do not move it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from stratus_cli.model.ref import Ref
from stratus_cli.telemetry.tally import Tallies

LEAST_STEPS = 5  # our choice: fewer say nothing of how much a figure varies


@dataclass(frozen=True)
class Noise:
    """Of one unit. None: not known. error_minute: error rate of the newest step."""

    error_mad: float | None = None
    p99_mad: float | None = None
    error_minute: float | None = None


def noise(tallies: Tallies) -> dict[Ref, Noise]:
    """By unit. tallies: one per step."""
    errors: dict[Ref, list[float]] = defaultdict(list)
    durations: dict[Ref, list[float]] = defaultdict(list)
    newest: dict[Ref, float] = {}
    last = max(tallies.moments, default=0.0)
    for at in sorted(tallies.moments):
        for ref, tally in tallies.moments[at].items():
            rate, p99 = tally.error_rate, tally.p99_s
            if rate is not None and math.isfinite(rate):
                errors[ref].append(rate)
                if at == last:
                    newest[ref] = rate
            if p99 is not None and math.isfinite(p99):
                durations[ref].append(p99)
    return {
        ref: Noise(deviation(errors[ref]), deviation(durations[ref]), newest.get(ref))
        for ref in {*errors, *durations}
    }


def deviation(values: Sequence[float]) -> float | None:
    """The median absolute deviation; None for fewer values than say anything."""
    if len(values) < LEAST_STEPS:
        return None
    middle = median(values)
    return median(abs(value - middle) for value in values)
