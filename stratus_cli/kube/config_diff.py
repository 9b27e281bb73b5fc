"""What differs between two states of a ConfigMap's values, down to one field of a document. Pure.

A value is read as a JSON or YAML document where it is one, else line by line (properties, nginx,
ini). What is masked is never compared and never given back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stratus_cli.kube.document import parsed, value_in, with_value_in
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.known_good import MASK
from stratus_cli.kube.spans import Node
from stratus_cli.model.change import ABSENT, Json

MOST = 20  # our choice, as kube.document: what differs in more fields is another document


@dataclass(frozen=True, slots=True)
class ConfigDiff:
    """One field that differs. pointer: inside the value of `key`, "" for the value as a whole.

    present, good: its two values, ABSENT where there is none. words: what a log would name.
    """

    key: str
    pointer: str
    present: Json
    good: Json
    words: tuple[str, ...]

    @property
    def field(self) -> str:
        """Its path below the ConfigMap."""
        return f"data{quoted(self.key)}" + (f"#{self.pointer}" if self.pointer else "")


def differences(present: Mapping[str, str], good: Mapping[str, str]) -> tuple[ConfigDiff, ...]:
    """Every field that differs, by key and place in the text."""
    found: list[ConfigDiff] = []
    for key in sorted({*present, *good}):
        here, there = present.get(key), good.get(key)
        if here == there or MASK in f"{here}{there}":
            continue
        if here is None or there is None:
            known = (ABSENT if here is None else here, ABSENT if there is None else there)
            found.append(ConfigDiff(key, "", *known, (key,)))
        else:
            found.extend(_inside(key, here, there))
    return tuple(found)


def repair(present: Mapping[str, str], diff: ConfigDiff, good: str | None = None) -> str | None:
    """The whole text of the key with this one field as it was; None where that is not possible.

    good: the known-good text. Where nothing else differs it is the answer itself, byte for byte:
    the editor may have written all of the document anew, without its comments and formatting.
    """
    text = present.get(diff.key)
    if text is not None and good is not None:
        left = differences({diff.key: text}, {diff.key: good})  # none of what is masked
        if [item.pointer for item in left] == [diff.pointer]:
            return good
    if not diff.pointer:
        return diff.good if isinstance(diff.good, str) else None
    if text is None:
        return None
    if diff.good is not ABSENT and diff.present is not ABSENT:
        try:
            return with_value_in(text, diff.pointer, diff.good)
        except ValueError:
            return None
    above, _, name = diff.pointer.rpartition("/")
    parent = value_in(text, above) if above else _whole(text)
    if not isinstance(parent, dict):
        return None
    name = name.replace("~1", "/").replace("~0", "~")
    made = {key: value for key, value in parent.items() if key != name}
    if diff.good is not ABSENT:
        made[name] = diff.good
    try:
        return with_value_in(text, above, made) if above else _written(text, made)
    except ValueError:
        return None


def _inside(key: str, present: str, good: str) -> Iterator[ConfigDiff]:
    try:
        pairs = list(_fields(parsed(present), parsed(good), ""))
    except ValueError:
        pairs = []
    if not pairs or len(pairs) > MOST:
        yield ConfigDiff(key, "", present, good, (key, *_line_words(present, good)))
        return
    for pointer, here, there in pairs:
        yield ConfigDiff(key, pointer, here, there, _words(key, pointer, here))


def _fields(present: Node, good: Node, pointer: str) -> Iterator[tuple[str, Json, Json]]:
    """(pointer, present, good) of each leaf that differs; lists of another length as a whole."""
    here, there = present.children, good.children
    other_list = present.is_list and list(here or ()) != list(there or ())
    if here is None or there is None or present.is_list != good.is_list or other_list:
        if not _same(present.value, good.value):
            yield pointer, present.value, good.value
        return
    for name in dict.fromkeys([*there, *here]):
        below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in here:
            yield below, ABSENT, there[name].value
        elif name not in there:
            yield below, here[name].value, ABSENT
        else:
            yield from _fields(here[name], there[name], below)


def _same(left: Json, right: Json) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _words(key: str, pointer: str, present: Json) -> tuple[str, ...]:
    names = [part for part in pointer.split("/") if part and not part.isdigit()]
    said = [present] if isinstance(present, str) else []
    return tuple(dict.fromkeys([*names[::-1], key, *said]))


def _line_words(present: str, good: str) -> Iterator[str]:
    """Names of the settings on the lines that differ: what stands before `=`, `:` or a blank."""
    lines = {*present.splitlines()} ^ {*good.splitlines()}
    for line in sorted(lines)[:MOST]:
        name = line.strip().replace("=", " ").replace(":", " ").partition(" ")[0]
        if name and name[0] not in "#;":
            yield name


def _whole(text: str) -> Json:
    try:
        return parsed(text).value
    except ValueError:
        return ABSENT


def _written(text: str, made: Json) -> str | None:
    """A JSON document written anew, with the indent it had. None for YAML: its text would move."""
    if parsed(text).is_yaml:
        return None
    second = text.partition("\n")[2]
    indent = len(second) - len(second.lstrip(" "))
    return json.dumps(made, indent=indent or None, ensure_ascii=False)
