"""Runbooks: Markdown that a person reads, whose Mitigation lines the planner fills and parses.

Reads files and splits text; never runs a line and never judges whether it fits an incident.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stratus_cli.knowledge.markdown import parse_sections, split_front_matter
from stratus_cli.model.errors import UsageError
from stratus_cli.model.plan import Refusal, Risk

Json = Any
Word = str | dict[str, Any] | list[Any]
"""A plain word of a command line, or a structured one: a JSON document that is never re-parsed."""

SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify")
VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
SPREAD = re.compile(r"\{\{\*\s*([a-z][a-z0-9_]*)\s*\}\}")
"""`{{*names}}`, a whole word, becomes one word for each element of a list: as its author wants."""
_SETTING = re.compile(r"^(risk|when):\s*(.+)$")
_PATCH_FLAG = re.compile(r"^(-p|--patch)=(?=[{\[])")


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


def variables_of(line: str) -> tuple[str, ...]:
    """Names of the {{variables}} in a line, in order, each once."""
    return tuple(dict.fromkeys((*VARIABLE.findall(line), *SPREAD.findall(line))))


def fill(line: str, facts: Mapping[str, Json]) -> tuple[Word, ...] | Refusal:
    """The words of one kubectl line with its variables filled in.

    Words are split before anything is filled, so a value never becomes another word; and a value
    that would turn a word into a flag is refused, so it never becomes another argument either.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        return Refusal("words", f"the line does not split into words: {error}")
    missing = [name for name in variables_of(line) if name not in facts]
    if missing:
        return Refusal(
            "variable", f"nothing says what {', '.join(missing)} should be", "a known-good value"
        )
    filled: list[Word] = []
    for word in words:
        for part in _separate_patch(word):
            result = _spread(part, facts) if SPREAD.fullmatch(part) else _fill_word(part, facts)
            if isinstance(result, Refusal):
                return result
            filled.extend(result if isinstance(result, tuple) else (result,))
    return tuple(filled)


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


def _separate_patch(word: str) -> tuple[str, ...]:
    """`-p={...}` as two words, so that the document can be filled leaf by leaf."""
    flag = _PATCH_FLAG.match(word)
    return (flag.group(1), word[flag.end() :]) if flag else (word,)


def _fill_word(word: str, facts: Mapping[str, Json]) -> Word | Refusal:
    if word.startswith(("{", "[")) and not word.startswith("{{"):
        try:
            document = json.loads(word)
        except ValueError as error:
            return Refusal("words", f"not a JSON document: {error}: {word}")
        structured: Word | Refusal = _fill_json(document, facts)
        return structured
    whole = VARIABLE.fullmatch(word)
    value = facts[whole.group(1)] if whole else None
    if isinstance(value, dict | list):
        return value
    text = _fill_text(word, facts)
    if isinstance(text, str) and text.startswith("-") and not word.startswith("-"):
        return Refusal("variable", f"{word} would become the flag {text}")
    return text


def _spread(word: str, facts: Mapping[str, Json]) -> tuple[str, ...] | Refusal:
    name = SPREAD.sub(r"\1", word)
    values = facts[name]
    if not isinstance(values, list | tuple) or not values:
        return Refusal("variable", f"{name} is not a list of names")
    for value in values:
        if not isinstance(value, str) or value.startswith("-") or not value.isprintable():
            return Refusal("variable", f"{name} holds what is not a name")
    return tuple(values)


def _fill_text(text: str, facts: Mapping[str, Json]) -> str | Refusal:
    for name in VARIABLE.findall(text):
        value = facts[name]
        if value is None or isinstance(value, dict | list):
            return Refusal("variable", f"{name} is not a plain value and cannot stand in {text}")
        if isinstance(value, str) and (not value or not value.isprintable()):
            return Refusal("variable", f"{name} is empty or has control characters")
    return VARIABLE.sub(lambda match: _as_text(facts[match.group(1)]), text)


def _fill_json(node: Json, facts: Mapping[str, Json]) -> Json:
    """The document with every leaf and key filled, or the first Refusal."""
    if isinstance(node, str):
        whole = VARIABLE.fullmatch(node)
        return facts[whole.group(1)] if whole else _fill_text(node, facts)
    if isinstance(node, list):
        items = [_fill_json(item, facts) for item in node]
        return next((item for item in items if isinstance(item, Refusal)), items)
    if isinstance(node, dict):
        result = {}
        for key, value in node.items():
            name, content = _fill_text(key, facts), _fill_json(value, facts)
            if isinstance(name, Refusal):
                return name
            if isinstance(content, Refusal):
                return content
            result[name] = content
        return result
    return node


def _as_text(value: Json) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


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
