"""Names that are nearly another: a slip of the keyboard, not another thing of the same family.

`cart-v1` and `cart-v2`, or `user-db` and `rate-db`, are nearly the same letters and two things. So
names are compared part by part: all parts but one are equal, and that one differs by a letter or
two, never by a number.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

NEAR = 0.75
"""Of difflib, for one part: "serach" for "search" (0.83), "cat" for "cart" (0.86), not "card" for
"cart" with three letters in common (0.75 is not enough below five letters)."""
SHORT = 5
FARTHEST = 2  # letters more or fewer

_PARTS = re.compile(r"[-._]")
_DIGITS = re.compile(r"\d+")


def nearly(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that this one may be a slip of, sorted."""
    return tuple(sorted(other for other in set(names) if is_nearly(name, other)))


def is_nearly(one: str, other: str) -> bool:
    """Not equal, and no more than a slip apart."""
    if one == other or abs(len(one) - len(other)) > FARTHEST:
        return False
    if _DIGITS.findall(one) != _DIGITS.findall(other):
        return False
    if _PARTS.sub("", one) == _PARTS.sub("", other):
        return True  # userservice, user-service
    left, right = _PARTS.split(one), _PARTS.split(other)
    if len(left) != len(right):
        return False
    apart = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    if len(apart) != 1:
        return False
    a, b = apart[0]
    ratio = difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
    return ratio > NEAR if min(len(a), len(b)) < SHORT else ratio >= NEAR
