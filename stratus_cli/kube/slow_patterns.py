"""Regular expressions in a document that can take exponential time. Pure; none of them is ever run.

A group that repeats without bound and holds what repeats without bound itself, `([a-z]+)+`: a text
that nearly matches is tried in every way of splitting it (OWASP, "Regular expression Denial of
Service"). Engines without backtracking (RE2, Rust) are not hurt, so this is a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratus_cli.kube.document import parsed
from stratus_cli.model.change import Json

LONGEST = 2000  # characters of one pattern that are looked at
MOST = 1000  # values of one document
_UNBOUNDED = re.compile(r"[+*]|\{\d*,\}")


def slow_patterns(text: str) -> tuple[str, ...]:
    """Pointers to the values of a document that are such patterns."""
    try:
        document = parsed(text).value
    except ValueError:
        return ()
    found = (pointer for pointer, value in _texts(document, "") if is_exponential(value))
    return tuple(found)


def is_exponential(pattern: str) -> bool:
    """Whether an unbounded repetition stands inside a group that is repeated without bound."""
    groups: list[bool] = [False]
    at, pattern = 0, pattern[:LONGEST]
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 2
            continue
        if character == "[":
            at = _end_of_class(pattern, at)
            continue
        if character == "(":
            groups.append(False)
        elif character == ")" and len(groups) > 1:
            inner = groups.pop()
            repeated = _UNBOUNDED.match(pattern, at + 1) is not None
            if inner and repeated:
                return True
            groups[-1] = groups[-1] or inner or repeated
        elif _UNBOUNDED.match(pattern, at) is not None:
            groups[-1] = True
        at += 1
    return False


def _end_of_class(pattern: str, at: int) -> int:
    """The place after a character class; a `]` that comes first in it is one of its characters."""
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1


def _texts(node: Json, pointer: str) -> Iterator[tuple[str, str]]:
    waiting, seen = [(pointer, node)], 0
    while waiting and seen < MOST:
        pointer, node = waiting.pop(0)
        seen += 1
        if isinstance(node, str):
            yield pointer, node
        elif isinstance(node, dict):
            for key, value in node.items():
                part = str(key).replace("~", "~0").replace("/", "~1")
                waiting.append((f"{pointer}/{part}", value))
        elif isinstance(node, list):
            waiting.extend((f"{pointer}/{index}", value) for index, value in enumerate(node))
