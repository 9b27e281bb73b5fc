"""One JSON document, ASCII, so that cluster text cannot act on a terminal."""

from __future__ import annotations

import json
from typing import Any


def render(document: dict[str, Any]) -> str:
    """Indented, in the order of the document."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
