"""Feature flags in a document, and the one that stands out among its neighbours. Pure.

Three forms are known: OpenFeature/flagd (`variants` and `defaultVariant`), `enabled: true` per
flag, and a map of plain true and false. A flag stands out when it is on and most others are off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.kube.document import parsed
from stratus_cli.model.change import Json

FEWEST = 3  # our choice: two flags that differ say nothing about which of them is odd
SWITCHES = ("enabled", "active", "on")
DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Flag:
    """name; pointer to what switches it; its value now, and the value that switches it off."""

    name: str
    pointer: str
    present: Json
    off: Json


def flags_on(text: str) -> tuple[Flag, ...]:
    """The flags that are on where most of their neighbours are off. () when nothing stands out."""
    try:
        document = parsed(text).value
    except ValueError:
        return ()
    return tuple(_odd(document, "", 0))


def _odd(node: Json, pointer: str, depth: int) -> Iterator[Flag]:
    if not isinstance(node, dict) or depth > DEEPEST:
        return
    states = [
        state for name, value in node.items() if (state := _state(name, value, pointer)) is not None
    ]
    switched_on = [flag for is_on, flag in states if is_on]
    if len(states) >= FEWEST and len(states) * 2 >= len(node):
        if len(switched_on) * 2 < len(states):
            yield from switched_on
        return
    for name, value in node.items():
        yield from _odd(value, f"{pointer}/{_escaped(name)}", depth + 1)


def _state(name: str, value: Json, pointer: str) -> tuple[bool, Flag] | None:
    """(is on, the flag), or None where this is no flag."""
    here = f"{pointer}/{_escaped(name)}"
    if isinstance(value, bool):
        return value, Flag(name, here, value, False)
    if not isinstance(value, Mapping):
        return None
    default, variants = value.get("defaultVariant"), value.get("variants")
    if isinstance(default, str) and isinstance(variants, Mapping) and default in variants:
        off = _off(variants)
        if off is None:
            return None
        return not _is_off(variants[default]), Flag(name, f"{here}/defaultVariant", default, off)
    for switch in SWITCHES:
        if isinstance(value.get(switch), bool):
            return value[switch], Flag(name, f"{here}/{switch}", value[switch], False)
    return None


def _off(variants: Mapping[str, Any]) -> str | None:
    """The variant that switches the flag off: the one called so, else the only one that is."""
    off = [str(name) for name, value in variants.items() if _is_off(value)]
    if "off" in off:
        return "off"
    return off[0] if len(off) == 1 else None


def _is_off(value: object) -> bool:
    """false, 0, "" and null. A variant that is a document or a text is a choice, not a switch."""
    return value is None or value is False or value in (0, "", "off")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
