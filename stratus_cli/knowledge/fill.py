"""Filling the {{variables}} of a runbook line, so that a value never becomes an argument.

Words first, values second. Nothing here runs a line or knows what it means.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from stratus_cli.model.plan import Refusal

Json = Any
Word = str | dict[str, Any] | list[Any]
"""A plain word of a command line, or a structured one: a JSON document that is never re-parsed."""

VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
SPREAD = re.compile(r"\{\{\*\s*([a-z][a-z0-9_]*)\s*\}\}")
"""`{{*names}}`, a whole word, becomes one word for each element of a list: as its author wants."""
_PATCH_FLAG = re.compile(r"^(-p|--patch)=(?=[{\[])")


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
            "variable",
            f"nothing says what {', '.join(missing)} should be",
            "give a recording from when all was well: --known-good RECORDING",
        )
    filled: list[Word] = []
    for word in words:
        for part in _separate_patch(word):
            result = _spread(part, facts) if SPREAD.fullmatch(part) else _fill_word(part, facts)
            if isinstance(result, Refusal):
                return result
            filled.extend(result if isinstance(result, tuple) else (result,))
    return tuple(filled)


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
