"""How much each unit's figures vary by themselves: median absolute deviations. Pure.

The median of distances from the median: a few outliers, such as one bad minute, do not move it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from stratus_cli.model.ref import Ref
from stratus_cli.telemetry.tally import Tallies

LEAST_STEPS = 5  # our choice: fewer say nothing of how much a figure varies
NEWEST_S = 300.0  # what is compared with the past is no part of it (prometheus.WINDOW_S)
LEAST_YOUNG = 3  # our choice: of what has no past yet, so many steps say what it is like


@dataclass(frozen=True)
class Noise:
    """Of one unit. None: not known.

    error_minute, p99_minute: of the newest step. p99_minute_low_s: what p99_minute is at least, for
    all that its requests tell. error_past, p99_past: medians of the steps that are older than the
    newest five minutes. p99_young: of all but the newest step, where p99_past is not known.
    """

    error_mad: float | None = None
    p99_mad: float | None = None
    error_minute: float | None = None
    p99_minute: float | None = None
    error_past: float | None = None
    p99_past: float | None = None
    p99_minute_low_s: float | None = None
    p99_young: float | None = None


def noise(tallies: Tallies) -> dict[Ref, Noise]:
    """By unit. tallies: one per step."""
    errors: dict[Ref, dict[float, float]] = defaultdict(dict)
    durations: dict[Ref, dict[float, float]] = defaultdict(dict)
    last = max(tallies.moments, default=0.0)
    for at in sorted(tallies.moments):
        for ref, tally in tallies.moments[at].items():
            rate, p99 = tally.error_rate, tally.p99_s
            if rate is not None and math.isfinite(rate):
                errors[ref][at] = rate
            if p99 is not None and math.isfinite(p99):
                durations[ref][at] = p99
    return {
        ref: Noise(
            deviation([*errors[ref].values()]),
            deviation([*durations[ref].values()]),
            _newest(errors[ref], last),
            durations[ref].get(last),
            _past(errors[ref], last),
            _past(durations[ref], last),
            _low(tallies, ref, last),
            _young(durations[ref], last),
        )
        for ref in {*errors, *durations}
    }


def _low(tallies: Tallies, ref: Ref, last: float) -> float | None:
    """The lower bound of the newest step's p99; finite, as the last bucket has a lower bound."""
    tally = tallies.moments[last].get(ref)
    band = tally.p99_band_s if tally is not None else None
    return None if band is None else band[0]


def _newest(values: Mapping[float, float], last: float) -> float | None:
    """Of the newest step. A unit with a past and without requests in it has no errors in it."""
    return values.get(last, 0.0 if values else None)


def _past(values: Mapping[float, float], last: float) -> float | None:
    """The median before the newest minutes; None for fewer steps than say anything."""
    old = [value for at, value in values.items() if at <= last - NEWEST_S]
    return median(old) if len(old) >= LEAST_STEPS else None


def _young(values: Mapping[float, float], last: float) -> float | None:
    """The median before the newest step, of a unit that is too young for a past."""
    old = [value for at, value in values.items() if at < last]
    has_past = _past(values, last) is not None
    return median(old) if len(old) >= LEAST_YOUNG and not has_past else None


def deviation(values: Sequence[float]) -> float | None:
    """The median absolute deviation; None for fewer values than say anything."""
    if len(values) < LEAST_STEPS:
        return None
    middle = median(values)
    return median(abs(value - middle) for value in values)
