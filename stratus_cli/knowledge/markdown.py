"""The little Markdown a runbook is made of: front matter, one title, `##` sections."""

from __future__ import annotations

from typing import Any

from stratus_cli.model.errors import UsageError

FENCE = "---"


def split_front_matter(text: str, where: str) -> tuple[dict[str, Any], str, int]:
    """(front matter, body, line number of the body's first line). UsageError names the line."""
    import yaml

    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE:
        raise UsageError("a runbook begins with front matter between --- lines", f"{where}:1")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == FENCE), None)
    if end is None:
        raise UsageError("the front matter is not closed by ---", f"{where}:1")
    try:
        front = yaml.safe_load("\n".join(lines[1:end])) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1  # one for the fence, one because marks count from 0
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise UsageError(
            f"the front matter cannot be read: {problem}", f"{where}:{line}"
        ) from error
    if not isinstance(front, dict):
        raise UsageError("the front matter must be a mapping", f"{where}:1")
    return front, "\n".join(lines[end + 1 :]), end + 2


def parse_sections(body: str) -> tuple[str, dict[str, str], dict[str, int]]:
    """(title, text by section heading, line of each heading counted from 0). Fences are kept."""
    title, name = "", ""
    sections: dict[str, list[str]] = {}
    headings: dict[str, int] = {}
    fenced = False
    for number, line in enumerate(body.splitlines()):
        if line.startswith("```"):
            fenced = not fenced
        if not fenced and line.startswith("# ") and not title:
            title = line[2:].strip()
        elif not fenced and line.startswith("## "):
            name = line[3:].strip()
            sections.setdefault(name, [])
            headings.setdefault(name, number)
        elif name:
            sections[name].append(line)
    return title, {key: "\n".join(value) for key, value in sections.items()}, headings
