"""The twin's time as the port Clock."""

from __future__ import annotations

from datetime import datetime

from stratus_cli.cluster.twin.twin import Twin


class TwinClock:
    """Virtual time: sleeping advances the simulation and costs next to nothing."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def now(self) -> datetime:
        """The virtual moment, UTC."""
        return self._twin.now()

    def monotonic(self) -> float:
        """Virtual seconds since the world began."""
        return self._twin.elapsed_s()

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._twin.advance(max(0.0, seconds))
