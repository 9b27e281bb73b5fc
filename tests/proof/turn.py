"""Which day it is: the lifecycle of another eight actions is run each day."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from tests.proof.table import todays

DAY = "STRATUS_PROOF_DAY"  # to run another day's


def today() -> int:
    """The day of the year, UTC."""
    return int(os.environ.get(DAY) or datetime.now(UTC).timetuple().tm_yday)


def told() -> str:
    """One line that names them."""
    day = today()
    return f"lifecycle of day {day}: {', '.join(entry.name for entry in todays(day))}"
