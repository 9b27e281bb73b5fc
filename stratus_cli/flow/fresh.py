"""Evidence that is newer than the change: from when telemetry counts, and what is yet to come.

A window that began before the change, or during its rollout, holds requests that say nothing of
how it ended. So the window begins with the write, and anew when the rollout has converged.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from stratus_cli.health.alarm import SCRAPE_S
from stratus_cli.kube.slo import LEAST_REQUESTS
from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.model.ports import Ports, Windowed
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Signals

QUIETEST_S = 60.0
"""A unit that needs longer for 20 requests is as good as without traffic. Our choice: as long as
the watch after a commit, which sees what comes later."""
SCRAPES = 2  # an increase is between two samples


def count_since(ports: Ports, moment: datetime | None, *, noise: bool = False) -> bool:
    """Tell every source that counts over a window. False when there is none."""
    found = [source for source in ports.sources if isinstance(source, Windowed)]
    for source in found:
        source.count_since(moment, noise=noise)
    return bool(found)


class Fresh:
    """The window of one watch. Made when the last write was made.

    units: those whose traffic the verdict needs; the ones that had some before are waited for.
    """

    def __init__(self, ports: Ports, before: Sequence[Health], units: Collection[Ref]) -> None:
        self._ports = ports
        self._began_s = ports.clock.monotonic()
        self._settled = False
        self.written_at = self.since = ports.clock.now()
        self._needs: dict[Ref, float] = {}
        if count_since(ports, self.written_at):
            self._need(units, before)

    def settled(self, now: bool) -> None:
        """Whether the change has converged. When it just did, the window begins anew."""
        if now and not self._settled:
            self._begin()
        self._settled = now

    def again(self, units: Collection[Ref], before: Sequence[Health]) -> None:
        """The window begins anew, and what these units' traffic says of it is waited for, too."""
        self._need(units, before)
        self._begin()

    def _begin(self) -> None:
        self._began_s = self._ports.clock.monotonic()
        self.since = self._ports.clock.now()
        count_since(self._ports, self.since)

    def _need(self, units: Collection[Ref], before: Sequence[Health]) -> None:
        known = before[-1].units if before else {}
        rates = ((ref, _seconds_for(known[ref])) for ref in units if ref in known)
        self._needs |= {ref: needs_s for ref, needs_s in rates if needs_s is not None}

    @property
    def waited_s(self) -> float:
        """Since the change converged, or since the write."""
        return self._ports.clock.monotonic() - self._began_s

    def missing(self, health: Health, signals: Signals) -> tuple[str, ...]:
        """What must be heard before a commit, as sentences.

        After the time that it took before the change, and two scrapes, nothing is waited for.
        """
        waited = self.waited_s
        return tuple(
            f"{ref}: {LEAST_REQUESTS} requests since the change"
            for ref, needs_s in sorted(self._needs.items())
            if (unit := health.units.get(ref)) is not None
            and (unit.requests or 0) < LEAST_REQUESTS
            and waited < needs_s + SCRAPES * _scrape_s(signals)
        )

    def longest_s(self, signals: Signals) -> float:
        """How long `missing` may name something."""
        if not self._needs:
            return 0.0
        return max(self._needs.values()) + SCRAPES * _scrape_s(signals)


def _seconds_for(unit: UnitHealth) -> float | None:
    """How long it took to get enough requests before. None: it had none, or too few to wait for."""
    if unit.window_s is None or (unit.requests or 0) < LEAST_REQUESTS:
        return None
    needs_s = LEAST_REQUESTS * unit.window_s / (unit.requests or 1)
    return needs_s if needs_s <= QUIETEST_S else None


def _scrape_s(signals: Signals) -> float:
    return SCRAPE_S if signals.scrape_s is None else signals.scrape_s
