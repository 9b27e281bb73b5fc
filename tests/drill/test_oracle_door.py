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
    assert door.asked <= DOOR_WITHIN_S + 3


@pytest.mark.parametrize(("last", "is_wrong"), [(GOOD, False), (SLOW, True)])
def test_a_slow_machine_gets_its_second_look(last: Sight, is_wrong: bool) -> None:
    """Two looks take all the time there is, and the second one is good."""
    with lab() as (found, _):
        _, healthy = found.apps["shop"]
        door = Scripted([SLOW, GOOD, last])
        look, clock = door.look, found.ground.clock

        def slowly(requests: int = 30, *, give_up: int = 0) -> Sight:
            clock.sleep(DOOR_WITHIN_S * 0.6)
            return look(requests, give_up=give_up)

        door.look = slowly  # type: ignore[method-assign]  # this door only
        assert bool(Oracle(found.ground, FAULT, door, healthy).judge().wrong) == is_wrong
        assert door.asked == 3
