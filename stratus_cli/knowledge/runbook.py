"""Runbooks: Markdown that a person reads, whose Mitigation lines the planner fills and parses.

Reads files and splits text; never runs a line and never judges whether it fits an incident.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stratus_cli.knowledge.fill import Word, fill, variables_of
from stratus_cli.knowledge.markdown import parse_sections, split_front_matter
from stratus_cli.model.errors import UsageError
from stratus_cli.model.plan import Risk

__all__ = [
    "Runbook",
    "RunbookCandidate",
    "Word",
    "default_directory",
    "fill",
    "lint",
    "load",
    "parse_runbook",
    "treating",
    "variables_of",
]

SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify")
_SETTING = re.compile(r"^(risk|when):\s*(.+)$")


@dataclass(frozen=True)
class RunbookCandidate:
    """One way to repair, as kubectl lines with {{variables}}. when: facts it cannot do without."""

    title: str
    lines: tuple[str, ...]
    risk: Risk
    when: tuple[str, ...]


@dataclass(frozen=True)
class Runbook:
    """One runbook. slug: name of its file. sections: text by heading, in order.

    candidates: least blast radius first, as written. front: the front matter, for lint.
    """

    slug: str
    title: str
    causes: tuple[str, ...]
    alerts: tuple[str, ...]
    risk: Risk
    sections: Mapping[str, str]
    candidates: tuple[RunbookCandidate, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    front: Mapping[str, Any] = field(default_factory=dict)


def default_directory() -> Path:
    """The shipped runbooks: package data of an installed wheel, or those of the checkout."""
    from importlib.resources import files

    packaged = Path(str(files("stratus_cli"))) / "_data" / "runbooks"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "runbooks"


def load(directory: Path) -> tuple[Runbook, ...]:
    """Every *.md of the folder but README.md, by slug. UsageError names file and line."""
    paths = sorted(path for path in directory.glob("*.md") if path.name != "README.md")
    return tuple(_read(path) for path in paths)


def parse_runbook(slug: str, text: str, where: str) -> Runbook:
    """One runbook from its text. where: the file, for errors."""
    front, body, first_line = split_front_matter(text, where)
    title, sections, headings = parse_sections(body)
    risk = _risk(front.get("risk", ""), f"{where}:1")
    mitigation = sections.get("Mitigation", "")
    start = first_line + headings.get("Mitigation", 0) + 1
    return Runbook(
        slug=slug,
        title=title or slug,
        causes=_strings(front, "causes", where),
        alerts=_strings(front, "alerts", where),
        risk=risk,
        sections=sections,
        candidates=tuple(_candidates(mitigation, risk, where, start)),
        variables={str(key): str(value) for key, value in _mapping(front, where).items()},
        front=front,
    )


def lint(runbook: Runbook) -> tuple[str, ...]:
    """What is wrong with it, as sentences; () when nothing."""
    from stratus_cli.knowledge.lint import problems

    return problems(runbook)


def treating(runbooks: Sequence[Runbook], cause: str) -> tuple[Runbook, ...]:
    """The runbooks that say they treat this cause, in the given order."""
    return tuple(runbook for runbook in runbooks if cause in runbook.causes)


def _read(path: Path) -> Runbook:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the runbook cannot be read ({error})", str(path)) from error
    return parse_runbook(path.stem, text, str(path))


def _candidates(text: str, default: Risk, where: str, first_line: int) -> list[RunbookCandidate]:
    """`### title`, optional `risk:` and `when:` lines, then one ```kubectl block each."""
    found: list[RunbookCandidate] = []
    title, risk = "", default
    when: tuple[str, ...] = ()
    block: list[str] | None = None
    for number, line in enumerate(text.splitlines(), first_line):
        if block is not None:
            if line.strip() == "```":
                lines = _join_continued(block)
                names = tuple(dict.fromkeys((*when, *(n for x in lines for n in variables_of(x)))))
                found.append(RunbookCandidate(title, lines, risk, names))
                block = None
            else:
                block.append(line)
        elif line.startswith("### "):
            title, risk, when = line[4:].strip(), default, ()
        elif setting := _SETTING.match(line):
            key, value = setting.groups()
            if key == "risk":
                risk = _risk(value.strip(), f"{where}:{number}")
            else:
                when = tuple(name.strip() for name in value.split(","))
        elif line.strip() == "```kubectl":
            if not title:
                raise UsageError(
                    "a kubectl block without a `### title` before it", f"{where}:{number}"
                )
            block = []
    if block is not None:
        raise UsageError("a kubectl block that is not closed", where, "End it with ```.")
    return found


def _join_continued(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines without comments; a trailing backslash joins with the next one."""
    joined: list[str] = []
    pending = ""
    for line in lines:
        stripped = line.strip()
        if not stripped or (stripped.startswith("#") and not pending):
            continue
        if stripped.endswith("\\"):
            pending += stripped[:-1]
            continue
        joined.append(pending + stripped)
        pending = ""
    return (*joined, pending.strip()) if pending else tuple(joined)


def _risk(text: object, where: str) -> Risk:
    try:
        return Risk(text)
    except ValueError:
        raise UsageError(f"risk must be low, medium or high, not {str(text)!r}", where) from None


def _strings(front: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = front.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{key} must be a list of names", f"{where}:1")
    return tuple(value)


def _mapping(front: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    value = front.get("variables") or {}
    if not isinstance(value, dict):
        raise UsageError("variables must map each name to what it means", f"{where}:1")
    return value
