"""Text from the cluster, made safe to show. Every renderer passes cluster text through here.

A message of a container may hold terminal escapes, line breaks or text direction marks; they are
shown as what they are and never act.
"""

from __future__ import annotations

import json
import unicodedata

from stratus_cli.model.change import Absent, Json

LONGEST = 300  # characters of one value in text output; whole values are in -o json


def clean(text: object, *, longest: int | None = LONGEST) -> str:
    """One line, without control characters; cut when very long, saying so."""
    shown = "".join(_visible(char) for char in str(text))
    if longest is not None and len(shown) > longest:
        return f"{shown[:longest]}… ({len(shown) - longest} more characters)"
    return shown


def value(item: Json, *, longest: int | None = LONGEST) -> str:
    """A JSON value for people: words as they are, the rest as JSON."""
    if isinstance(item, Absent):
        return "(absent)"
    if isinstance(item, str):
        return clean(item, longest=longest) if item else '""'
    text = json.dumps(item, sort_keys=True, ensure_ascii=False, default=str)
    return clean(text, longest=longest)


def seconds(amount: float | None) -> str:
    """A length of time: 0.42 s, 12 s, 3 min 5 s; "-" when not known."""
    if amount is None:
        return "-"
    if amount < 10:
        return f"{amount:.1f} s"
    if amount < 120:
        return f"{amount:.0f} s"
    minutes, rest = divmod(round(amount), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def count(number: int, noun: str, plural: str = "") -> str:
    """ "1 incident", "3 incidents"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _visible(char: str) -> str:
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    # Cc control, Cf format (bidi marks, zero width), Cs surrogate, Zl/Zp line separators
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        code = ord(char)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return char
