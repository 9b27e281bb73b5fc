"""Prompts: Markdown files, one per role, with {placeholders}. Reads files; knows no model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stratus_cli.agents.errors import PromptError
from stratus_cli.knowledge.markdown import parse_sections

SECTIONS = ("System", "Request")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: system says who and how, user says what about."""

    system: str
    user: str


def default_directory() -> Path:
    """The shipped prompts: package data of an installed wheel, or those of the checkout."""
    from importlib.resources import files

    packaged = Path(str(files("stratus_cli"))) / "_data" / "prompts"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "prompts"


def load(role: str, values: Mapping[str, str], directory: Path | None = None) -> Prompt:
    """prompts/<role>.md, filled. PromptError when it is not there or does not fit the values."""
    path = (directory or default_directory()) / f"{role}.md"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"the prompt cannot be read ({error})", str(path)) from error
    _, sections, _ = parse_sections(text)
    if tuple(sections) != SECTIONS:
        raise PromptError("a prompt has the sections System and Request", str(path))
    wanted = set(_PLACEHOLDER.findall("".join(sections.values())))
    if wanted != set(values):
        missing, unused = sorted(wanted - set(values)), sorted(set(values) - wanted)
        what = f"placeholders without a value: {missing}; values without a placeholder: {unused}"
        raise PromptError(what, str(path))
    return Prompt(_filled(sections["System"], values), _filled(sections["Request"], values))


def _filled(text: str, values: Mapping[str, str]) -> str:
    """In one pass: braces inside a value stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text).strip()
