"""Harm events: a loss that users feel, whatever comes after it. Pure.

More than 10 % of an SLO lost for over 30 s against what it was before, 5 s grace (Microreboot's
measure, PRIOR_ART E3). Without telemetry: ready endpoints more than 10 % under the baseline, beyond
what the rollout may leave out, for 30 s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.model.ref import Ref

LOSS = 0.10
FOR_S = 30.0
GRACE_S = 5.0

Sample = tuple[float, Health]


def harm(
    baseline: Sequence[Health],
    samples: Sequence[Sample],
    allowance: Mapping[Ref, int] | None = None,
) -> tuple[str, ...]:
    """Each harm event so far. samples: (seconds since the first write, health), oldest first."""
    spare = allowance or {}
    return tuple(
        f"{ref}: {what} for over {FOR_S:.0f} s"
        for ref, old in (baseline[-1].units.items() if baseline else ())
        if (what := _lasting(ref, old, samples, spare.get(ref, 0)))
    )


def _lasting(ref: Ref, old: UnitHealth, samples: Sequence[Sample], spare: int) -> str:
    """What was lost without a break for long enough; "" when nothing was."""
    since: float | None = None
    for at, health in samples:
        if at < GRACE_S:
            continue
        unit = health.units.get(ref)
        what = _loss(old, unit, spare) if unit is not None else ""
        if not what:
            since = None
        elif since is None:
            since = at
        elif at - since > FOR_S:
            return what
    return ""


def _loss(old: UnitHealth, new: UnitHealth, spare: int) -> str:
    if old.error_rate is not None and new.error_rate is not None:
        if new.error_rate > old.error_rate + LOSS:
            return f"error rate {old.error_rate:.0%} -> {new.error_rate:.0%}"
        return ""
    if not old.endpoints or new.endpoints is None:
        return ""
    if new.endpoints + spare < old.endpoints * (1 - LOSS):
        return f"serving endpoints {old.endpoints} -> {new.endpoints}"
    return ""
