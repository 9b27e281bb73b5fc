"""Regular expressions in a document that can take exponential time. Pure; none of them is ever run.

A group that repeats without bound and holds what repeats without bound itself, `([a-z]+)+`: a text
that nearly matches is tried in every way of splitting it (OWASP, "Regular expression Denial of
Service"). Engines without backtracking (RE2, Rust) are not hurt, so this is a hint.
"""

from __future__ import annotations

import re

from stratus_cli.kube.config_texts import texts_in

LONGEST = 2000  # characters of one pattern that are looked at
_UNBOUNDED = re.compile(r"[+*]|\{\d*,\}")


def slow_patterns(text: str) -> tuple[str, ...]:
    """Pointers to the values of a document that are such patterns."""
    found = ((pointer, value) for pointer, value in texts_in(text) if pointer)
    return tuple(pointer for pointer, value in found if is_exponential(value))


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
