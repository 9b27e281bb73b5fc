"""JSON with the span of each value. Pure."""

from __future__ import annotations

import json
import re

from stratus_cli.kube.spans import DEEPEST, Node, finite

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


class NotJsonError(ValueError):
    """The text is not JSON; it may be YAML."""


def read_json(text: str) -> Node:
    """A JSON map or list. NotJsonError: it is none; ValueError: it has several readings."""
    start = _skip(text, 0)
    if text[start : start + 1] not in ("{", "["):
        raise NotJsonError("it does not begin as JSON does")
    node = _json_value(text, start, 0)
    if _skip(text, node.end) != len(text):
        raise NotJsonError("something follows the JSON")
    return node


def _json_value(text: str, at: int, depth: int) -> Node:
    if depth > DEEPEST:
        raise ValueError(f"it has more than {DEEPEST} levels")
    first = text[at : at + 1]
    if first == '"':
        value, end = _json_text(text, at)
        return Node(at, end, value)
    if first == "{":
        return _json_children(text, at, depth, "}")
    if first == "[":
        return _json_children(text, at, depth, "]")
    for word, constant in _WORDS.items():
        if text.startswith(word, at):
            return Node(at, at + len(word), constant)
    number = _NUMBER.match(text, at)
    if number is None:
        raise NotJsonError(f"no JSON at character {at}")
    return Node(at, number.end(), finite(json.loads(number[0]), number[0]))


def _json_children(text: str, at: int, depth: int, closing: str) -> Node:
    children: dict[str, Node] = {}
    place = _skip(text, at + 1)
    while text[place : place + 1] != closing:
        if children:
            place = _skip(text, _after(text, place, ","))
        key = str(len(children))
        if closing == "}":
            key, end = _json_text(text, place)
            place = _skip(text, _after(text, _skip(text, end), ":"))
        if key in children:
            raise ValueError(f"the key {key!r} is there twice")
        children[key] = _json_value(text, place, depth + 1)
        place = _skip(text, children[key].end)
    return Node(at, place + 1, None, children, is_list=closing == "]")


def _json_text(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != '"':
        raise NotJsonError(f"no text at character {at}")
    try:
        return json.decoder.scanstring(text, at + 1, True)  # type: ignore[attr-defined,no-any-return]  # undeclared, but what json.loads uses
    except json.JSONDecodeError as error:
        raise NotJsonError(str(error)) from error


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _after(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise NotJsonError(f"no {mark!r} at character {at}")
    return at + 1
