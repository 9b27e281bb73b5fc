"""The machine's clock as the port Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """Now, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some start; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait. A signal handler that raises ends the wait."""
        time.sleep(max(0.0, seconds))
