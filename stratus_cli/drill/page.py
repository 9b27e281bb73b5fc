"""The scoreboard as JSON, as Markdown, and as a bar chart in SVG. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from stratus_cli.drill.result import Result
from stratus_cli.drill.score import Figures, controls, families, figures

SCHEMA = "stratus/drill/v1"
BAR_W, ROW_H, LEFT = 420, 22, 130
SOLVED_COLOUR, LEFT_COLOUR, ERROR_COLOUR = "#2e7d32", "#c62828", "#9e9e9e"


def document(results: Sequence[Result], about: Mapping[str, str]) -> dict[str, Any]:
    """Everything. about: commit, date, cluster, whatever tells one run from another."""
    return {
        "schema": SCHEMA,
        "about": dict(about),
        "runs": {
            name or "stratus": {
                "all": asdict(figures(items)),
                "families": {
                    family: asdict(figures(group)) for family, group in families(items).items()
                },
            }
            for name, items in controls(results).items()
            if items
        },
        "cases": [asdict(item) for item in sorted(results, key=lambda item: item.key)],
    }


def markdown(results: Sequence[Result], about: Mapping[str, str], plot: str = "") -> str:
    """A page for people. plot: file name of the chart, "" for none."""
    by = controls(results)
    own = by.pop("")
    lines = ["# The fault lab", ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    if own:
        lines += ["", *_table(own), *(["", f"![solved by family]({plot})"] if plot else [])]
        lines += ["", "## Cases", "", *_cases(own)]
    if by:
        lines += ["", "## Controls", "", *_controls(by)]
    return "\n".join(lines) + "\n"


def svg(results: Iterable[Result]) -> str:
    """One bar per family: solved, left, errors."""
    own = [item for item in results if not item.control]
    rows = [(name, figures(items)) for name, items in families(own).items()]
    height = ROW_H * (len(rows) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + BAR_W + 90}" height="{height}"'
        ' font-family="sans-serif" font-size="12">'
    ]
    for number, (name, found) in enumerate(rows):
        parts += _bar(number * ROW_H + 4, name, found)
    return "\n".join([*parts, "</svg>"]) + "\n"


def text(results: Sequence[Result]) -> str:
    """Two lines at most for a terminal."""
    found = figures(results)
    return (
        f"{found.solved} of {found.judged} cases solved; root exact {percent(found.root_exact)},"
        f" mitigated {percent(found.mitigated)}, undone exactly {percent(found.undone_exactly)};"
        f" harm in {found.harmed}, {found.skipped} skipped, {found.errors} errors\n"
        f"median: detect {seconds(found.t_detect_s)}, diagnose {seconds(found.t_diagnose_s)},"
        f" repaired and verified {seconds(found.t_mitigate_s)}"
    )


def percent(share: float | None) -> str:
    """60 %, or a dash."""
    return "-" if share is None else f"{100 * share:.0f} %"


def seconds(value: float | None) -> str:
    """1.2 s, or a dash."""
    return "-" if value is None else f"{value:.1f} s"


def _table(results: Sequence[Result]) -> list[str]:
    lines = [
        "| family | solved | detected | root exact | mitigated | undone exactly | harm | writes |"
        " t detect | t diagnose | t mitigate (p90) | dq | dq* |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows = [*families(results).items(), ("**all**", list(results))]
    for name, items in rows:
        found = figures(items)
        lines.append(
            f"| {name} | {found.solved}/{found.judged} | {percent(found.detected)}"
            f" | {percent(found.root_exact)} | {percent(found.mitigated)}"
            f" | {percent(found.undone_exactly)} | {found.harmed} | {found.writes}"
            f" | {seconds(found.t_detect_s)} | {seconds(found.t_diagnose_s)}"
            f" | {seconds(found.t_mitigate_s)} ({seconds(found.t_mitigate_p90_s)})"
            f" | {_number(found.dq)} | {_number(found.dq_star)} |"
        )
    found = figures(results)
    lines += [
        "",
        f"P(mitigated | cause right) {percent(found.mitigated_if_right)},"
        f" P(mitigated | cause wrong) {percent(found.mitigated_if_wrong)};"
        f" dq* {_number(found.dq_star)} ± {_number(found.dq_star_interval)};"
        f" Brier score of the confidence {_number(found.brier)};"
        f" {found.unsteady} cases whose repeats disagree, median deviation of t mitigate between"
        f" repeats {seconds(found.t_mitigate_deviation_s)};"
        f" {found.skipped} skipped, {found.errors} errors of the lab.",
    ]
    return lines


def _cases(results: Iterable[Result]) -> list[str]:
    lines = [
        "| case | verdict | root exact | mitigated | t mitigate | why |",
        "|---|---|---|---|---|---|",
    ]
    for item in sorted(results, key=lambda item: item.key):
        why = item.why or "; ".join(
            [
                *(f"not named: {text}" for text in item.missing),
                *(f"wrongly named: {text}" for text in item.extra),
                *(f"{point}: {text}" for point, text in item.wrong.items()),
                *item.harm,
            ]
        )
        lines.append(
            f"| {item.case} | {item.verdict} | {_yes(item.root_exact)} | {_yes(item.mitigated)}"
            f" | {seconds(item.t_mitigate_s)} | {_cell(why)} |"
        )
    return lines


def _controls(by: Mapping[str, Sequence[Result]]) -> list[str]:
    lines = ["| control | as it should be | mitigated | writes | errors |", "|---|---|---|---|---|"]
    for name, items in by.items():
        found = figures(items)
        lines.append(
            f"| {name} | {found.solved}/{found.judged} | {percent(found.mitigated)}"
            f" | {found.writes} | {found.errors} |"
        )
    return lines


def _bar(top: int, name: str, found: Figures) -> list[str]:
    total = max(1, found.judged + found.errors)
    widths = (found.solved, found.judged - found.solved, found.errors)
    parts = [f'<text x="{LEFT - 8}" y="{top + 12}" text-anchor="end">{escape(name)}</text>']
    left = float(LEFT)
    for count, colour in zip(widths, (SOLVED_COLOUR, LEFT_COLOUR, ERROR_COLOUR), strict=True):
        width = BAR_W * count / total
        if count:
            parts.append(
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW_H - 8}"'
                f' fill="{colour}"/>'
            )
        left += width
    parts.append(f'<text x="{LEFT + BAR_W + 8}" y="{top + 12}">{found.solved}/{total}</text>')
    return parts


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _yes(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _cell(text_: str) -> str:
    plain = " ".join(text_.replace("|", "\\|").split())
    return plain if len(plain) <= 200 else f"{plain[:199]}…"
