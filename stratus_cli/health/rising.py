"""Units whose errors were still rising when the change was made. Pure.

A rate is an average over a window. Where the incident is younger than the window, the average holds
time from before it, and the same incident shows as more errors after the change, whatever that did.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratus_cli.health.compare import Moved, error_noise
from stratus_cli.kube.slo import LEAST_REQUESTS
from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.model.ref import Ref

MINUTE_S = 60.0  # telemetry: the step of which error_minute is the newest
FOLLOWS = frozenset({"SLO001", "SLO006"})
"""What rules say of errors: of a rate, and of a log. No other evidence than the rate itself."""


def rising(baseline: Sequence[Health]) -> frozenset[Ref]:
    """Those whose newest minute had more errors than the window that ends with it, beyond noise."""
    units = baseline[-1].units if baseline else {}
    return frozenset(ref for ref, unit in units.items() if _rises(unit))


def only_errors(moved: Moved, old: UnitHealth, new: UnitHealth) -> bool:
    """Whether this loss is one of errors, or what rules make of them."""
    if moved.component == "problems":
        return set(new.problems) - set(old.problems) <= FOLLOWS
    return moved.component == "errors"


def _rises(unit: UnitHealth) -> bool:
    if unit.error_minute is None or unit.error_rate is None:
        return False
    if unit.requests is not None and unit.window_s:
        if unit.requests * min(1.0, MINUTE_S / unit.window_s) < LEAST_REQUESTS:
            return False  # too few in the minute to say anything
    return unit.error_minute - unit.error_rate > error_noise(unit)
