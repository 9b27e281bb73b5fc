"""Lines about Secrets as they may be shown when no plan came of them: without what they would set.

The line of a planned step needs none of this: it holds seals only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from stratus_cli.model.plan import Refusal

_ABOUT = re.compile(r"\bsecrets?\b", re.IGNORECASE)
_OBJECT = re.compile(r"(\bsecrets?(?:/|\s+)\S+).*", re.IGNORECASE | re.DOTALL)
_DOCUMENT = re.compile(r"[{\[].*|(?<=\s)(?:-p|--patch)(?![\w-]).*", re.DOTALL)
_QUOTED = re.compile(r"""(['"]).*\1""", re.DOTALL)


def shown_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines, those about a Secret cut after its name."""
    return tuple(
        _OBJECT.sub(r"\1 …", _DOCUMENT.sub("…", line)) if _ABOUT.search(line) else line
        for line in lines
    )


def without_values(refusal: Refusal, line: str) -> Refusal:
    """A refusal of this line that repeats none of its words, if it is about a Secret."""
    if not _ABOUT.search(line):
        return refusal
    reason, lift = (_QUOTED.sub("'…'", text) for text in (refusal.reason, refusal.lift))
    return replace(refusal, reason=reason, lift=lift)
