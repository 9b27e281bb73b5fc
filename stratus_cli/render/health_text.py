"""Health for a person: one row per unit, worst first; and the comparison of two."""

from __future__ import annotations

from collections.abc import Sequence

from stratus_cli.health.since import WORSE, since
from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.render.page import Page
from stratus_cli.render.safe import clean, count

WIDEST = 60  # of the first column: a longer name pushes its own row aside, not all others


def health_page(health: Health) -> Page:
    """First line the score, then a table. A term nobody measures is "-"."""
    page = Page()
    page.line((health_line(health), "bold"))
    if health.unread:
        page.line(f"not read, so not judged: {clean(', '.join(health.unread))}")
    page.blank()
    width = max((len(clean(ref)) for ref in health.units), default=0)
    head = _row("unit", ("stage", "ready", "endpoints", "errors", "p99", "score"), width)
    page.line((f"{head}  problems", "dim"))
    for unit in sorted(health.units.values(), key=_worst_first):
        style = "red" if unit.problems else ""
        page.line((_cells(unit, width), style))
    return page


def health_line(health: Health) -> str:
    """The answer in one line."""
    sick = sum(1 for unit in health.units.values() if unit.problems)
    total = count(len(health.units), "unit")
    worst = f"; worst {clean(health.worst)}" if health.worst is not None and sick else ""
    wrong = f"{sick} of {total} with problems" if sick else f"all {total} without problems"
    return f"health {_score(health)}: {wrong}{worst}"


def compare_page(before: Health, now: Health) -> Page:
    """What is gone, worse, new or better since another measurement, worse first."""
    page = Page()
    moved = since(before, now)
    worse = sum(1 for item in moved if item.word in WORSE)
    when = f"{before.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    head = (
        f"{count(worse, 'unit')} worse or gone since {when}"
        if worse
        else f"no unit is worse than at {when}"
    )
    page.line((f"{head}; health {_score(before)} -> {_score(now)}", "bold"))
    page.blank()
    for item in moved:
        text = f"{item.ref}: {', '.join(item.what)}" if item.what else str(item.ref)
        page.field(item.word, (clean(text), "red" if item.word in WORSE else ""), indent=0)
    return page


def _score(health: Health) -> str:
    return "unknown" if health.score is None else f"{health.score:.2f}"


def _cells(unit: UnitHealth, width: int) -> str:
    ready = "-" if unit.ready is None else f"{unit.ready}/{_or_dash(unit.wanted)}"
    stage = unit.stage.name.lower() if unit.stage is not None else "-"
    errors = "-" if unit.error_rate is None else f"{unit.error_rate:.1%}"
    p99 = "-" if unit.p99_s is None else f"{unit.p99_s * 1000:.0f} ms"
    score = "-" if unit.score is None else f"{unit.score:.2f}"
    cells = (stage, ready, _or_dash(unit.endpoints), errors, p99, score)
    row = _row(clean(unit.ref), cells, width)
    problems = " ".join((*unit.problems, *unit.alerts))
    return f"{row}  {clean(problems)}".rstrip()


def _row(unit: str, cells: Sequence[str], width: int) -> str:
    return f"{unit:<{min(width, WIDEST)}} " + " ".join(f"{cell:>9}" for cell in cells)


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _worst_first(unit: UnitHealth) -> tuple[int, float, int, int]:
    """Sorts sick units before well ones. Missing figures count as well."""
    share = 1.0
    if unit.ready is not None and unit.wanted:
        share = unit.ready / unit.wanted
    endpoints = 1_000_000 if unit.endpoints is None else unit.endpoints
    return (-len(unit.problems), share, endpoints, 9 if unit.stage is None else int(unit.stage))
