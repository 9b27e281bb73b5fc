"""The same document as YAML."""

from __future__ import annotations

from typing import Any


def render(document: dict[str, Any]) -> str:
    """Block style, ASCII, in the order of the document."""
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=False, width=100)
    return text
