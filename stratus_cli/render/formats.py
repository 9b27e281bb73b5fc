"""Which format is rendered by which file. `-o` names come from here."""

from __future__ import annotations

from typing import Any

from stratus_cli.render import json, junit, markdown, sarif, yaml

MACHINE = {
    "json": json.render,
    "yaml": yaml.render,
    "junit": junit.render,
    "sarif": sarif.render,
    "markdown": markdown.render,
}


def machine(name: str, document: dict[str, Any]) -> str:
    """The document in one of the formats that are made from it."""
    return MACHINE[name](document)
