"""The judge's look at the front door: patient with a busy machine, not with a slow door."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from stratus_cli.drill.door import Door, Sight
from stratus_cli.drill.oracle import DOOR_WITHIN_S, Oracle
from tests.drill.test_case import FAULT, lab

GOOD, SLOW, SHUT = Sight(30, 0, 0.06), Sight(30, 0, 0.9), Sight(30, 1, 0.06, "502")


class Scripted(Door):
    """Gives these looks, and the last one for ever."""

    def __init__(self, looks: Iterable[Sight]) -> None:
        self.looks = list(looks)
        self.asked = 0

    def look(self, requests: int = 30, *, give_up: int = 0) -> Sight:
        self.asked += 1
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def wrong(door: Scripted) -> bool:
    """What the judge says of the door alone: all else is well."""
    with lab() as (found, _):
        _, healthy = found.apps["shop"]
        return bool(Oracle(found.ground, FAULT, door, healthy).judge().wrong)


def test_one_good_look_is_enough() -> None:
    """Nobody waits for nothing."""
    door = Scripted([GOOD])
    assert not wrong(door)
    assert door.asked == 1


@pytest.mark.parametrize("bad", [[SLOW], [SLOW] * 5, [SHUT], [SLOW, GOOD, SLOW]])
def test_a_door_that_recovers_is_well(bad: list[Sight]) -> None:
    """The machine was busy; from then on every look is good."""
    assert not wrong(Scripted([*bad, GOOD]))


@pytest.mark.parametrize("looks", [[SLOW], [SHUT], [SHUT, GOOD, SHUT], [SLOW, GOOD] * 40])
def test_a_door_that_does_not_is_wrong(looks: list[Sight]) -> None:
    """Slow at the deadline, slow every other time, or failing twice."""
    door = Scripted(looks)
    assert wrong(door)
    assert door.asked <= DOOR_WITHIN_S + 2
