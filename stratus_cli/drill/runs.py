"""A run: which cases, app by app, each written down as it ends, so that a run can be resumed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from stratus_cli.drill import fault as faults
from stratus_cli.drill.case import Case, Lab
from stratus_cli.drill.controls import CONTROLS, QUIET, ControlCase
from stratus_cli.drill.fault import Fault, Values
from stratus_cli.drill.ground import Stopped
from stratus_cli.drill.result import Result, append, done, read
from stratus_cli.model.errors import UsageError


@dataclass(frozen=True)
class Asked:
    """What is asked of a run. names: faults, () with `every` for all. apps: () for each that fits.

    control: "" for Stratus itself, else one of CONTROLS.
    """

    names: Sequence[str] = ()
    every: bool = False
    apps: Sequence[str] = ()
    variants: bool = False
    known_good: bool = False
    control: str = ""
    repeat: int = 1
    cluster: bool = False


def chosen(
    asked: Asked, values: Values, has_app: Callable[[str], bool] = lambda _: True
) -> list[Fault]:
    """The faults of a run: one variant of each, spread over the apps, or all that are asked for.

    has_app: whether an app can be installed here.
    """
    names = asked.names or (faults.names() if asked.every else ())
    found: list[Fault] = []
    for name in names:
        fitting = [
            item
            for item in faults.load(name, values)
            if (not asked.apps or item.app in asked.apps) and (asked.cluster or not item.cluster)
        ]
        if asked.variants:
            found.extend(fitting)
        elif asked.apps:
            found.extend(_one_per_app(fitting))
        elif fitting:
            usable = [item for item in _one_per_app(fitting) if has_app(item.app)] or fitting
            load = Counter(item.app for item in found)
            found.append(min(usable, key=lambda item: load[item.app]))
    return _one_per_app(found) if asked.control in QUIET else found


def run(
    asked: Asked,
    selected: Sequence[Fault],
    lab_of: Callable[[str], Lab],
    lines: Path,
    *,
    resume: bool,
    parallel: int = 1,
    remove: bool = False,
) -> list[Result]:
    """Every case that is not on file; all results, old and new. Stopped: after Ctrl-C.

    What would disturb other apps' cases comes last, one at a time. What lies outside namespaces has
    one case at a time, too: its repairs take the same Lease.
    remove: each app goes when its cases are over, so that it takes nothing from the next one's.
    """
    known = {result.key: result for result in read(lines)} if resume else {}
    if not resume and lines.exists():
        lines.unlink()
    over = done(known.values())
    lock, outside = threading.Lock(), threading.Lock()
    stopped: list[Stopped] = []

    beside = [item for item in selected if not item.alone]
    alone = [item for item in selected if item.alone]

    def of_app(app: str, faults: Sequence[Fault], *, last: bool) -> None:
        lab = lab_of(app)
        try:
            cases_of(lab, [item for item in faults if item.app == app])
        finally:
            if remove and (last or stopped):
                lab.ground.settling = True  # whoever stopped it wants it gone all the same
                lab.ground.remove(app)

    def cases_of(lab: Lab, faults: Sequence[Fault]) -> None:
        for case in _cases(asked, faults, lab):
            if case.result.key in over or stopped:
                continue
            try:
                with outside if case.fault.cluster else nullcontext():
                    lab.ground.check_interrupt()
                    result = case.run()
            except Stopped as error:
                stopped.append(error)
                return
            lab.progress.note(f"{result.key}: {result.verdict} {result.why}")
            with lock:
                append(lines, result)
                known[result.key] = result

    later = _apps(alone)
    with ThreadPoolExecutor(max(1, parallel)) as pool:
        made = [pool.submit(of_app, app, beside, last=app not in later) for app in _apps(beside)]
        for future in made:
            future.result()
    for app in later:
        of_app(app, alone, last=True)
    if stopped:
        raise stopped[0]
    return list(known.values())


def _cases(asked: Asked, selected: Iterable[Fault], lab: Lab) -> Iterable[Case]:
    for number in range(1, asked.repeat + 1):
        for item in selected:
            good = asked.known_good or item.known_good
            if asked.control:
                yield ControlCase(lab, item, asked.control, known_good=good, repeat=number)
            else:
                yield Case(lab, item, known_good=good, repeat=number)


def _apps(faults: Iterable[Fault]) -> list[str]:
    return list(dict.fromkeys(item.app for item in faults))


def _one_per_app(found: Iterable[Fault]) -> list[Fault]:
    first: dict[str, Fault] = {}
    for item in found:
        first.setdefault(item.app, item)
    return list(first.values())


def check_control(name: str) -> None:
    """UsageError when there is no such control."""
    if name and name not in CONTROLS:
        raise UsageError("there is no such control", name, f"Known: {', '.join(CONTROLS)}")
