"""Text from the cluster, made safe in Markdown: it forms no markup and calls nobody."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratus_cli.render.safe import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")


def escape(text: object) -> str:
    """One line of running text. An @ stands in code, so that it calls no person or team."""
    return _SPECIAL.sub(r"\\\1", clean(text)).replace("@", "`@`")


def code(text: object, *, longest: int | None = 300) -> str:
    """Inline code whatever the text holds: a fence longer than any run of backticks in it."""
    shown = clean(text, longest=longest)
    fence = "`" * (_longest_run([shown]) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", "\\|")


def fenced(lines: Sequence[str], language: str, *, indent: int = 0) -> list[str]:
    """Lines in a fence that none of them can close."""
    shown = [clean(line, longest=None) for line in lines]
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [" " * indent + line for line in (f"{fence}{language}", *shown, fence)]


def _longest_run(lines: Sequence[str]) -> int:
    runs = (run for line in lines for run in re.findall(r"`+", line))
    return max(map(len, runs), default=0)
