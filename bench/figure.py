"""A figure with its target, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number. target: what it must stay under; None where there is none.

    value: None when it could not be measured; note then says why.
    """

    what: str
    value: float | None
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """ok, MISSED, not measured, or nothing without a target."""
        if self.value is None:
            return "not measured"
        if self.target is None:
            return ""
        return "ok" if self.value < self.target else "MISSED"


def table(figures: Iterable[Figure]) -> str:
    """Markdown, with columns as wide as they need to be."""
    rows = [("figure", "measured", "target", "verdict", "how")]
    rows += [(f.what, _shown(f.value, f.unit), _under(f), f.verdict, f.note) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_line(row, widths) for row in (rows[0], rule, *rows[1:])) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _under(figure: Figure) -> str:
    return "" if figure.target is None else f"under {_shown(figure.target, figure.unit)}"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    digits = 2 if unit == "s" and value < 10 and value != int(value) else 0
    return f"{value:.{digits}f} {unit}"
