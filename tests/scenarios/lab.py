"""The lab: many namespaces at once, each with its own story, so that their waits overlap.

A story runs in a thread and leaves what it saw, stage by stage; tests wait for the stage they
judge. Nothing is judged here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self, TypeVar

from stratus_cli.model.snapshot import Snapshot
from tests.cluster.bed import Bed
from tests.scenarios.command import Outcome
from tests.scenarios.place import Place, shop_in
from tests.scenarios.scenario import Scenario
from tests.scenarios.state import State
from tests.scenarios.watching import Sight, snapshot, wait_for_symptoms, wait_until_still

T = TypeVar("T")
AT_ONCE = 6  # stories side by side: more only make each other's pods start slowly
LONGEST_S = 420.0


@dataclass(frozen=True)
class Broken:
    """The fault is in and shows. healthy, faulty: what was asked before and after it."""

    sight: Sight
    front_door: bool
    healthy: State
    faulty: State


@dataclass(frozen=True)
class Told:
    """What the reading stages said. before/after: what any write of theirs would have moved."""

    detect: Outcome
    diagnose: Outcome
    plan: Outcome
    before: dict[str, object]
    after: dict[str, object]


@dataclass(frozen=True, repr=False)
class Tried:
    """A writing stage, and how things are afterwards by the tests' own reads."""

    outcome: Outcome
    unwell: list[str]
    front_door: bool
    state: State
    survives: bool = False
    """After the repair: pods of the workload that was at fault were deleted, and came back."""


@dataclass(frozen=True)
class Left:
    """A control after `run --auto`. before/after: what any write would have moved."""

    outcome: Outcome
    before: dict[str, object]
    after: dict[str, object]
    journal: list[dict[str, object]]


@dataclass
class Story:
    """One scenario on the real cluster. Each stage is there when its turn has come."""

    scenario: Scenario
    broken: Future[Broken] = field(default_factory=Future)
    told: Future[Told] = field(default_factory=Future)
    repaired: Future[Tried] = field(default_factory=Future)
    undone: Future[Tried] = field(default_factory=Future)
    left: Future[Left] = field(default_factory=Future)
    sight: Future[Sight] = field(default_factory=Future)

    def fail(self, error: BaseException) -> None:
        """Whatever has not come by now will not."""
        stages = (self.broken, self.told, self.repaired, self.undone, self.left, self.sight)
        for stage in stages:
            if not stage.done():
                stage.set_exception(error)


class Lab:
    """Runs stories and other tales side by side on one cluster. A context manager.

    to_the_end: repair and undo as well; else only until the fault shows.
    """

    def __init__(self, bed: Bed, folder: Path, *, to_the_end: bool) -> None:
        self.bed = bed
        self.folder = folder
        self.to_the_end = to_the_end
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lab")
        self._stories: dict[str, Story] = {}
        self._tales: dict[str, Future[object]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, scenarios: Iterable[Scenario]) -> None:
        """Start the stories that have not begun."""
        with self._lock:
            for scenario in scenarios:
                if scenario.name not in self._stories:
                    story = self._stories[scenario.name] = Story(scenario)
                    self._pool.submit(self._tell, story)

    def story(self, scenario: Scenario) -> Story:
        """The story of a scenario; begun if need be."""
        self.begin((scenario,))
        return self._stories[scenario.name]

    def tale(self, name: str, tell: Callable[[Place], object]) -> Future[object]:
        """Anything else that wants a shop of its own; begun once by name."""
        with self._lock:
            if name not in self._tales:
                self._tales[name] = self._pool.submit(self._in_a_shop, tell)
            return self._tales[name]

    def _in_a_shop(self, tell: Callable[[Place], object]) -> object:
        with shop_in(self.bed, self.folder) as place:
            return tell(place)

    def _tell(self, story: Story) -> None:
        try:
            with shop_in(self.bed, self.folder) as place:
                if story.scenario.root is None:
                    _tell_control(story, place)
                else:
                    _tell_fault(story, place, to_the_end=self.to_the_end)
            story.fail(RuntimeError("this stage was not asked for"))
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits for it
            story.fail(error)


def awaited(stage: Future[T]) -> T:
    """What a story left, once it is there."""
    return stage.result(timeout=LONGEST_S)


def _tell_fault(story: Story, place: Place, *, to_the_end: bool) -> None:
    scenario, stratus, space = story.scenario, place.stratus, ("-n", place.namespace)
    recording = place.folder / "well.json"
    past: Snapshot | None = None
    more: tuple[str, ...] = ()
    if scenario.known_good:
        past = snapshot(place.site)
        made = stratus.run("record", *space, "--out", str(recording))
        assert made.code == 0, str(made)
        more = ("--known-good", str(recording))
    healthy = place.state()
    place.site.inject(scenario)
    wait_for_symptoms(place.site, scenario)
    sight = wait_until_still(place.site, recording=past)
    story.broken.set_result(Broken(sight, place.is_open, healthy, place.state()))
    story.sight.set_result(sight)
    if not to_the_end:
        return
    before = place.generations()
    detect, diagnose, plan = (
        stratus.run(name, *space, "-o", "json", *more) for name in ("detect", "diagnose", "plan")
    )
    story.told.set_result(Told(detect, diagnose, plan, before, place.generations()))
    run = ("run", *space, "--auto", "-o", "json", "--watch-for", "0", *more)
    repaired = _tried(stratus.run(*run), place)
    story.repaired.set_result(replace(repaired, survives=_survives(scenario, place, repaired)))
    undo = ("undo", "--last", "--accept-loss", "--auto", *space, "-o", "json")
    story.undone.set_result(_tried(stratus.run(*undo), place))


def _tell_control(story: Story, place: Place) -> None:
    place.site.inject(story.scenario)
    before = place.generations()
    outcome = place.stratus.run(
        "run", "-n", place.namespace, "--auto", "-o", "json", "--watch-for", "0"
    )
    after = place.generations()
    left = Left(outcome, before, after, place.stratus.entries())
    if story.scenario.heals:
        place.site.wait_until_well()
    sight = wait_until_still(place.site)
    place.site.wait_until_well()
    story.left.set_result(left)
    story.sight.set_result(sight)


def _survives(scenario: Scenario, place: Place, repaired: Tried) -> bool:
    if repaired.unwell:
        return False
    app = scenario.symptoms[0][1].partition("/")[2]
    place.site.delete_pods(app)
    place.site.wait_until_well()
    return True


def _tried(outcome: Outcome, place: Place) -> Tried:
    return Tried(outcome, place.unwell(), place.is_open, place.state())
