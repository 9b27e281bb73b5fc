"""The texts in a ConfigMap's value: those of a JSON or YAML document, else its lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.document import parsed
from stratus_cli.model.change import Json

MOST = 1000  # values of one document, or lines, that are looked at


def texts_in(value: str) -> Iterator[tuple[str, str]]:
    """(JSON pointer, text) of a document's texts; ("", line) of each line of what is none."""
    try:
        document = parsed(value).value
    except ValueError:
        yield from (("", line) for line in value.splitlines()[:MOST])
        return
    yield from _texts(document)


def _texts(document: Json) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, Json]] = [("", document)]
    for pointer, node in waiting:
        if isinstance(node, str):
            yield pointer, node
        elif isinstance(node, dict | list) and len(waiting) < MOST:
            children = node.items() if isinstance(node, dict) else enumerate(node)
            for key, child in children:
                part = str(key).replace("~", "~0").replace("/", "~1")
                waiting.append((f"{pointer}/{part}", child))
