"""The front door of an app: requests as a user makes them, through the API server's proxy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.drill.api import Answer, Api

REQUESTS = 30  # FAULTS.md, oracle S
SLOWER = 2.0  # FAULTS.md, oracle S: p99 within twice the healthy one's
FLOOR_S = 0.25
"""Below this nobody is slow: with 30 requests p99 is the slowest one, and on a small machine one in
thirty waits a scheduler's turn."""

FAILING_OF_10 = 3


@dataclass(frozen=True)
class Sight:
    """What some requests met. p99_s: of those that succeeded; 0 when none did."""

    asked: int
    failed: int
    p99_s: float
    first_failure: str = ""

    @property
    def is_open(self) -> bool:
        """Every request succeeded."""
        return self.failed == 0 and self.asked > 0

    def is_slower_than(self, well: Sight) -> bool:
        """Beyond what the healthy state allows."""
        return self.p99_s > max(SLOWER * well.p99_s, FLOOR_S)


SHOWS: Mapping[str, Callable[[Sight, Sight], bool]] = {
    "failing": lambda seen, _: seen.failed >= FAILING_OF_10,
    "slow": lambda seen, well: seen.is_slower_than(well),
    "open": lambda seen, _: seen.is_open,
}
"""What a fault file may ask of ten requests, given how they went when all was well."""


class Door:
    """One Service that users come in by."""

    def __init__(self, api: Api, namespace: str, door: Mapping[str, Any]) -> None:
        self._api = api
        self._namespace = namespace
        self._door = door

    def ask(self) -> Answer:
        """One request."""
        door = self._door
        return self._api.ask(self._namespace, door["service"], door["port"], door.get("path", "/"))

    def look(self, requests: int = REQUESTS, *, give_up: int = 0) -> Sight:
        """Requests one after the other; give_up: stop after so many failures, 0 for never."""
        return sight(self._until(requests, give_up))

    def _until(self, requests: int, give_up: int) -> list[Answer]:
        answers: list[Answer] = []
        for _ in range(requests):
            answers.append(self.ask())
            if give_up and sum(not answer.is_well for answer in answers) >= give_up:
                break
        return answers


def sight(answers: list[Answer]) -> Sight:
    """The figures of some answers."""
    bad = [answer for answer in answers if not answer.is_well]
    times = sorted(answer.seconds for answer in answers if answer.is_well)
    slowest = times[min(len(times) - 1, int(len(times) * 0.99))] if times else 0.0
    first = f"{bad[0].status} {bad[0].body[:300]}" if bad else ""
    return Sight(len(answers), len(bad), slowest, first)
