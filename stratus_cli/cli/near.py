"""Names that were typed and that nothing has: what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The next step: those that are close, or how to see all of them."""
    close = difflib.get_close_matches(name, list(known), 3)
    return f"Did you mean {', '.join(close)}?" if close else otherwise
