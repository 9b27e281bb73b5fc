"""What a verb of the grammar is, and what several verbs read in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stratus_cli.actions.base import Action
from stratus_cli.actions.targets import objects_named
from stratus_cli.actions.words import Parsed
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

Actions = tuple[Action, ...]
Made = Actions | Refusal


@dataclass(frozen=True)
class Verb:
    """make: actions from (what was parsed, namespace). The flags it takes, by spelling."""

    make: Callable[[Parsed, str], Made]
    valued: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)


def each(make: Callable[[Ref], Action]) -> Callable[[Parsed, str], Made]:
    """A verb that takes objects and nothing else: one action for each of them."""

    def made(parsed: Parsed, namespace: str) -> Made:
        refs = only_objects(parsed, namespace)
        return refs if isinstance(refs, Refusal) else tuple(make(ref) for ref in refs)

    return made


def only_objects(parsed: Parsed, namespace: str) -> list[Ref] | Refusal:
    """The objects named. Refused when another word follows."""
    found = objects_named(parsed.positional, namespace)
    if isinstance(found, Refusal):
        return found
    refs, rest = found
    return Refusal("grammar", f"{rest[0]!r} is one word too many") if rest else refs


def text(parsed: Parsed, name: str) -> str:
    """A flag's value, "" without the flag."""
    value = parsed.flags.get(name, "")
    return value if isinstance(value, str) else ""


def number(parsed: Parsed, name: str, most: int) -> int | Refusal | None:
    """A flag's value as a whole number from 0 to `most`; None without the flag."""
    value = text(parsed, name)
    if not value:
        return None
    if not value.isascii() or not value.isdecimal() or int(value[:10]) > most or len(value) > 10:
        return Refusal("grammar", f"--{name}={value} is not a number from 0 to {most}")
    return int(value)
