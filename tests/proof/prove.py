"""Running an entry's courses on a ground, and many entries side by side."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import World as TwinFile
from stratus_cli.cluster.twin.world import load_world
from tests.cluster.bed import Bed
from tests.proof.courses import WELL_WITHIN_S, Course, Tally, courses_of, reverting
from tests.proof.edits import Item
from tests.proof.entry import Entry
from tests.proof.ground import Ground, RealWorld, TwinWorld
from tests.proof.health import unready
from tests.proof.kinds import CLUSTER

WORLD = Path(__file__).parents[1] / "twin" / "bed-world.yaml"
TRACE = 6  # lines of a defect's trace that are kept

Opened = Callable[[Entry], AbstractContextManager[tuple[Ground, Entry]]]
"""A fresh ground, and the entry with its texts filled in for it."""


def prove(entry: Entry, opened: Opened) -> Tally:
    """Every course. After one that fails the next begins on a fresh ground."""
    tally = Tally()
    left = dict(courses_of(entry))
    while left:
        try:
            with opened(entry) as (ground, filled):
                course = Course(ground, filled, tally)
                while left and _passes(course, *left.popitem()):
                    pass
        except Exception as error:  # noqa: BLE001  # a ground that does not come about fails all
            tally.failures.append(f"ground: {_text(error)}")
            break
    return tally


@contextmanager
def on_twin(entry: Entry) -> Iterator[tuple[Ground, Entry]]:
    """A twin of the bed, with the entry's objects."""
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        world = TwinWorld(Twin(_bed_world()), "proof")
        with _installed(Ground(world, Path(folder)), entry) as made:
            yield made


def on_real(bed: Bed) -> Opened:
    """A new namespace of the real cluster, with the entry's objects."""

    @contextmanager
    def opened(entry: Entry) -> Iterator[tuple[Ground, Entry]]:
        with bed.namespace() as namespace, tempfile.TemporaryDirectory(prefix="proof-") as folder:
            world = RealWorld(bed, namespace)
            with _installed(Ground(world, Path(folder)), entry) as made:
                yield made

    return opened


@contextmanager
def _installed(ground: Ground, entry: Entry) -> Iterator[tuple[Ground, Entry]]:
    filled = entry.filled(ground.namespace)
    raws: list[tuple[str, Item]] = []
    try:
        for item in filled.objects:
            ground.world.apply(_placed(item, ground.namespace))
        _wait(ground)
        for key, edit in filled.setup:
            raws.append((key, ground.world.item(*_key(key)) or {}))
            ground.edit(key, edit)
            _wait(ground)
        yield ground, filled
    finally:
        for (key, edit), (_, raw) in zip(filled.setup, raws, strict=False):
            if ground.world.item(*_key(key)) is not None:
                ground.edit(key, *reverting(raw, (edit,)))
        for item in filled.objects:
            if item["kind"] in CLUSTER:
                ground.world.delete(item["kind"], item["metadata"]["name"])


def _wait(ground: Ground) -> None:
    ground.until(
        lambda: not unready(ground.world.items),
        lambda: str(unready(ground.world.items)),
        WELL_WITHIN_S,
    )


def _placed(item: Item, namespace: str) -> Item:
    if item["kind"] in CLUSTER:
        return item
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


def _key(key: str) -> tuple[str, str]:
    kind, _, name = key.partition("/")
    return kind, name


def _passes(course: Course, name: str, run: Callable[[Course], None]) -> bool:
    try:
        run(course)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a failure of this course
        course.tally.failures.append(f"{name}: {_text(error)}")
        return False
    return True


def _text(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return str(error)
    trace = "".join(traceback.format_exception(error)[-TRACE:])
    return f"{type(error).__name__}: {error}\n{trace}"


@cache
def _bed_world() -> TwinFile:
    return load_world(WORLD.read_text(encoding="utf-8"), WORLD.name)
