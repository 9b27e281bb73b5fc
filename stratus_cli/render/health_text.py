"""Health for a person: one row per unit, worst first; and the comparison of two."""

from __future__ import annotations

from stratus_cli.model.health import Health, UnitHealth
from stratus_cli.render.page import Page
from stratus_cli.render.safe import clean, count


def health_page(health: Health) -> Page:
    """First line the score, then a table. A term nobody measures is "-"."""
    page = Page()
    page.line((health_line(health), "bold"))
    if health.unread:
        page.line(f"not read, so not judged: {clean(', '.join(health.unread))}")
    page.blank()
    page.line((_row("unit", "stage", "ready", "endpoints", "errors", "p99", "score"), "dim"))
    for unit in sorted(health.units.values(), key=_worst_first):
        style = "red" if unit.problems else ""
        page.line((_cells(unit), style))
    return page


def health_line(health: Health) -> str:
    """The answer in one line."""
    sick = sum(1 for unit in health.units.values() if unit.problems)
    score = "unknown" if health.score is None else f"{health.score:.2f}"
    total = count(len(health.units), "unit")
    worst = f"; worst {clean(health.worst)}" if health.worst is not None and sick else ""
    wrong = f"{sick} of {total} with problems" if sick else f"all {total} without problems"
    return f"health {score}: {wrong}{worst}"


def compare_page(before: Health, now: Health) -> Page:
    """What is new, worse, better or gone since a recording."""
    page = Page()
    rows: list[tuple[str, str]] = []
    for ref in sorted({*before.units, *now.units}):
        old, new = before.units.get(ref), now.units.get(ref)
        if old is None or new is None:
            rows.append(("gone" if new is None else "new", clean(ref)))
        elif _vector(old) != _vector(new):
            better = _worst_first(new) > _worst_first(old)
            moved = f"{clean(ref)}: {_brief(old)} -> {_brief(new)}"
            rows.append(("better" if better else "worse", moved))
    worse = sum(1 for word, _ in rows if word in ("worse", "gone"))
    page.line((f"{count(worse, 'unit')} worse or gone since the recording", "bold"))
    for word, text in rows:
        page.field(word, text, indent=0)
    return page


def worse_since(before: Health, now: Health) -> bool:
    """Whether any unit is worse or gone: what `health --compare` fails on."""
    return any(
        ref not in now.units or _worst_first(now.units[ref]) < _worst_first(old)
        for ref, old in before.units.items()
    )


def _cells(unit: UnitHealth) -> str:
    ready = "-" if unit.ready is None else f"{unit.ready}/{_or_dash(unit.wanted)}"
    stage = unit.stage.name.lower() if unit.stage is not None else "-"
    errors = "-" if unit.error_rate is None else f"{unit.error_rate:.1%}"
    p99 = "-" if unit.p99_s is None else f"{unit.p99_s * 1000:.0f} ms"
    score = "-" if unit.score is None else f"{unit.score:.2f}"
    row = _row(clean(unit.ref), stage, ready, _or_dash(unit.endpoints), errors, p99, score)
    problems = " ".join((*unit.problems, *unit.alerts))
    return f"{row}  {clean(problems)}".rstrip()


def _row(unit: str, *cells: str) -> str:
    return f"{unit:<44} " + " ".join(f"{cell:>9}" for cell in cells)


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _brief(unit: UnitHealth) -> str:
    problems = f" {' '.join(unit.problems)}" if unit.problems else ""
    if unit.ready is None and unit.endpoints is not None:
        return f"{count(unit.endpoints, 'endpoint')}{problems}"
    return f"{_or_dash(unit.ready)}/{_or_dash(unit.wanted)} ready{problems}"


def _vector(unit: UnitHealth) -> tuple[object, ...]:
    return (unit.stage, unit.ready, unit.wanted, unit.endpoints, unit.problems)


def _worst_first(unit: UnitHealth) -> tuple[int, float, int, int]:
    """Sorts sick units before well ones. Missing figures count as well."""
    share = 1.0
    if unit.ready is not None and unit.wanted:
        share = unit.ready / unit.wanted
    endpoints = 1_000_000 if unit.endpoints is None else unit.endpoints
    return (-len(unit.problems), share, endpoints, 9 if unit.stage is None else int(unit.stage))
