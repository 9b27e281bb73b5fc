"""Harm events: a loss that users feel, whatever comes after it. Pure.

More than 10 % of an SLO lost for over 30 s against the 60 s before, 5 s grace (Microreboot's
measure, PRIOR_ART E3). Without telemetry: ready endpoints more than 10 % under the baseline, beyond
what the rollout may leave out, for 30 s. Of a unit whose errors still rose at baseline, and of who
calls it, nobody knows how many more there would have been: there only endpoints say what the change
took.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from stratus_cli.health.compare import error_noise
from stratus_cli.health.rising import rising
from stratus_cli.kube.slo import LEAST_REQUESTS
from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.model.ref import Ref

LOSS = 0.10
FOR_S = 30.0
GRACE_S = 5.0
ROUNDING = 1e-9  # a loss of exactly 10 % is none, whatever the sum of floats says

Sample = tuple[float, Health]


def harm(
    baseline: Sequence[Health],
    samples: Sequence[Sample],
    allowance: Mapping[Ref, int] | None = None,
    callers: Collection[Ref] = (),
) -> tuple[str, ...]:
    """Each harm event so far. samples: (seconds since the first write, health), oldest first.

    callers: of units whose errors rose.
    """
    spare, rose = allowance or {}, rising(baseline).union(callers)
    found = []
    for ref in baseline[-1].units if baseline else ():
        seen = _of(ref, samples, rose=ref in rose)
        what = _lasting(_before(ref, baseline), seen, spare.get(ref, 0))
        if what:
            found.append(f"{ref}: {what} for over {FOR_S:.0f} s")
    return tuple(found)


def _before(ref: Ref, baseline: Sequence[Health]) -> tuple[UnitHealth, ...]:
    return tuple(health.units[ref] for health in baseline if ref in health.units)


def _of(
    ref: Ref, samples: Sequence[Sample], *, rose: bool
) -> Iterator[tuple[float, UnitHealth | None]]:
    """The samples after the grace period; None where it could not be seen. rose: without errors."""
    for at, health in samples:
        if at >= GRACE_S:
            unit = health.units.get(ref)
            yield at, replace(unit, error_rate=None) if unit is not None and rose else unit


def _lasting(
    before: Sequence[UnitHealth], samples: Iterator[tuple[float, UnitHealth | None]], spare: int
) -> str:
    """What was lost without a break for long enough; "" when nothing was."""
    since: float | None = None
    last: UnitHealth | None = None
    for at, unit in samples:
        if unit is None:
            since = None
            continue
        rate = _new_errors(last, unit)
        if rate is None and unit.error_rate is not None:
            continue  # no news since the last sample
        last = unit if rate is not None else last
        what = _loss(before, unit, rate, spare)
        if not what:
            since = None
        elif since is None:
            since = at
        elif at - since > FOR_S:
            return what
    return ""


def _new_errors(last: UnitHealth | None, new: UnitHealth) -> float | None:
    """The error rate of requests since the last sample; None while there are too few.

    Where the window began at one moment and grows, what both samples counted is taken out.
    """
    if new.error_rate is None:
        return None
    if (
        last is None
        or None in (last.error_rate, last.requests, last.window_s, new.requests, new.window_s)
        or (new.window_s or 0) <= (last.window_s or 0)
        or (new.requests or 0) < (last.requests or 0)
    ):
        return new.error_rate
    more = (new.requests or 0) - (last.requests or 0)
    if more < LEAST_REQUESTS:
        return None
    failed = new.error_rate * (new.requests or 0) - (last.error_rate or 0) * (last.requests or 0)
    return min(1.0, max(0.0, failed / more))


def _loss(before: Sequence[UnitHealth], new: UnitHealth, rate: float | None, spare: int) -> str:
    known = [value for unit in before if (value := _errors(unit)) is not None]
    if known and rate is not None:
        old = fmean(known)
        lost = (rate - old) / (1 - old) if old < 1 else 0.0
        beyond = rate - old > max(error_noise(unit) for unit in before)
        if lost > LOSS + ROUNDING and beyond:
            return f"error rate {old:.0%} -> {rate:.0%}"
        return ""
    served = [unit.endpoints for unit in before if unit.endpoints is not None]
    if not served or new.endpoints is None:
        return ""
    mean = fmean(served)
    if new.endpoints + spare < mean * (1 - LOSS) - ROUNDING:
        return f"serving endpoints {mean:g} -> {new.endpoints}"
    return ""


def _errors(unit: UnitHealth) -> float | None:
    """Of the minute before the write where that is known, else of the whole window."""
    return unit.error_rate if unit.error_minute is None else unit.error_minute
