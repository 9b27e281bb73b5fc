"""Where two values differ, as deep as it goes: for people, who cannot compare long values. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_cli.model.change import ABSENT, Json

Names = tuple[str | int, ...]


def apart(ours: Json, theirs: Json, names: Names = ()) -> Iterator[Names]:
    """The way to each place where they differ; () when they differ as a whole."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping) and ours and theirs:
        for name in dict.fromkeys((*ours, *theirs)):
            yield from apart(ours.get(name, ABSENT), theirs.get(name, ABSENT), (*names, name))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs) > 0:
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from apart(mine, other, (*names, index))
    elif ours is not theirs and ours != theirs:
        yield names


def below(value: Json, names: Names) -> Json:
    """The value at the end of the way; ABSENT where it does not go so far."""
    for name in names:
        if isinstance(value, Mapping):
            value = value.get(name, ABSENT)
        elif isinstance(value, list) and isinstance(name, int) and name < len(value):
            value = value[name]
        else:
            return ABSENT
    return value


def joined(path: str, names: Names) -> str:
    """The path of the place, to be read."""
    words = (f"[{name}]" if isinstance(name, int) else f".{name}" for name in names)
    return f"{path}{''.join(words)}".removeprefix(".")
