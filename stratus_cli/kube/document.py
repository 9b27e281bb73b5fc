"""Fields inside a text that is a JSON or YAML document, read and edited in place. Pure.

An edit replaces the span of one value and not a byte beside it, so that comments and formatting
stay. What cannot be edited so is a ValueError that says why: block scalars, anchors, a key twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from stratus_cli.kube.json_spans import NotJsonError, read_json
from stratus_cli.kube.spans import Node
from stratus_cli.kube.yaml_spans import read_yaml
from stratus_cli.model.change import ABSENT, Json

LONGEST = 128 * 1024  # our choice: read in half a second; a ConfigMap holds 1 MiB
MOST_EDITS = 20  # our choice: a document that differs in more fields is another document

_PLAIN = re.compile(r"[A-Za-z_./][\w./@-]*(?::[\w./@-]+)*")


def value_in(text: object, pointer: str) -> Json:
    """The value at a JSON pointer, or ABSENT: also where the text is no document."""
    if not isinstance(text, str):
        return ABSENT
    try:
        return _node_at(parsed(text), pointer).value
    except ValueError:
        return ABSENT


def with_value_in(text: str, pointer: str, value: Json) -> str:
    """The text with one value replaced. ValueError: why that cannot be done in place."""
    root = parsed(text)
    node = _node_at(root, pointer)
    if not _may_be_replaced(node, value):
        raise ValueError(f"{pointer}: only a value on one line of a YAML document is replaced")
    for written in _spellings(value, node):
        made = text[: node.start] + written + text[node.end :]
        if _differs_only_so(root, made, pointer, value):
            return made
    raise ValueError(f"{pointer} cannot be replaced without touching what is beside it")


def edits_between(before: str, after: str) -> tuple[tuple[str, Json, Json], ...]:
    """(pointer, old, new) of each value that differs; () unless that is the whole difference.

    Whole: making these edits on either text gives the other one, byte for byte.
    """
    if before == after:
        return ()
    try:
        pairs = tuple(_pairs(parsed(before), parsed(after), ""))
    except ValueError:
        return ()
    if len(pairs) > MOST_EDITS or not _are_all(pairs, before, after):
        return ()
    return tuple((pointer, old.value, new.value) for pointer, old, new in pairs)


@lru_cache(maxsize=16)
def parsed(text: str) -> Node:
    """The document, a map or a list. ValueError where the text is none, or one of many readings."""
    if len(text) > LONGEST:
        raise ValueError(f"a text of more than {LONGEST} characters is not read as a document")
    try:
        try:
            return read_json(text)
        except NotJsonError:
            return read_yaml(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _node_at(root: Node, pointer: str) -> Node:
    node = root
    for part in _parts(pointer):
        if node.children is None or part not in node.children:
            raise ValueError(f"the document has nothing at {pointer}")
        node = node.children[part]
    return node


def _parts(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise ValueError(f"not a JSON pointer: {pointer!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _pairs(old: Node, new: Node, pointer: str) -> Iterator[tuple[str, Node, Node]]:
    """The values that differ, in the order of the text."""
    if old.children is None or new.children is None or old.is_list != new.is_list:
        if not _same(old.value, new.value):
            yield pointer, old, new
    elif list(old.children) != list(new.children):
        if old.is_yaml or not pointer:
            raise ValueError("keys or elements came or went")
        yield pointer, old, new
    else:
        for key, child in old.children.items():
            part = key.replace("~", "~0").replace("/", "~1")
            yield from _pairs(child, new.children[key], f"{pointer}/{part}")


def _are_all(pairs: Sequence[tuple[str, Node, Node]], before: str, after: str) -> bool:
    """Whether the texts are equal beside these values, and each is spelled as an edit spells it."""
    left = right = 0
    for _, old, new in pairs:
        if before[left : old.start] != after[right : new.start]:
            return False
        left, right = old.end, new.end
        for node, text, other in ((old, before, new), (new, after, old)):
            if not _may_be_replaced(node, other.value):
                return False
            if text[node.start : node.end] != next(_spellings(node.value, other)):
                return False
    return before[left:] == after[right:]


def _same(left: Json, right: Json) -> bool:
    """1 is not 1.0 and not true: what is written differs."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _differs_only_so(root: Node, made: str, pointer: str, value: Json) -> bool:
    """Whether the new text is the old document but for this value."""
    try:
        now = parsed(made)
    except ValueError:
        return False
    wanted = _replaced(root.value, _parts(pointer), value)
    return now.is_yaml == root.is_yaml and _same(now.value, wanted)


def _replaced(node: Json, parts: list[str], value: Json) -> Json:
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(node, list):
        place = int(first)
        return [*node[:place], _replaced(node[place], rest, value), *node[place + 1 :]]
    return {**node, first: _replaced(node[first], rest, value)}


def _may_be_replaced(node: Node, value: Json) -> bool:
    """In YAML only a scalar by a scalar, and no block of lines: what is beside them would move."""
    if not node.is_yaml:
        return True
    is_line = node.children is None and node.style not in ("|", ">")
    return is_line and not isinstance(value, dict | list)


def _spellings(value: Json, node: Node) -> Iterator[str]:
    """How the value may be written, the old value's own style first."""
    as_json = json.dumps(value, ensure_ascii=False)
    if not node.is_yaml or not isinstance(value, str):
        yield as_json
        return
    if node.style == "'" and value.isprintable():
        yield "'" + value.replace("'", "''") + "'"
    if not node.style and _PLAIN.fullmatch(value):
        yield value
    yield as_json
