"""Edits of a ConfigMap that may be what broke its readers, the field and its former value. Pure.

With a state that worked, what differs from it; without one, the flag that stands out, a pattern
that takes exponential time, or only the key. Who is hurt by an edit is for a cause to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.config_diff import ConfigDiff, differences, repair
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.flags import Flag, flags_on
from stratus_cli.kube.lately import CONTROLLERS, edited_at
from stratus_cli.kube.slow_patterns import slow_patterns
from stratus_cli.kube.states import Version
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.objects_config import ConfigMap

DAY = timedelta(hours=24)
"""An older difference from a known-good value has been lived with. DESIGN.md, Health: 24 h."""
LATELY = timedelta(minutes=30)
"""Without one, only an edit this young is a hint: Stratus' traffic look-back (DESIGN.md, Noise)."""
_WORD = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Edit:
    """One changed place. pointer: inside the key's document, "" for the key as a whole.

    good: its former value, None where nothing knows it or it was not there. good_text: the whole
    key put right, byte for byte as it was where nothing else differs. words: what a log would
    name. sure: 0..1.
    """

    key: str
    pointer: str
    good: Json
    good_text: str | None
    source: str
    words: tuple[str, ...]
    sure: float

    @property
    def field(self) -> str:
        """Its path below the ConfigMap."""
        return f"data{quoted(self.key)}" + (f"#{self.pointer}" if self.pointer else "")


def edits(
    item: ConfigMap, versions: Iterable[Version], now: datetime, victims: Sequence[str], said: str
) -> Iterator[Edit]:
    """The likeliest edit of each key. victims: names of what is unwell; said: their logs."""
    diffs, good, source = former(item, versions)
    for key in dict.fromkeys(diff.key for diff in diffs):
        of_key = [diff for diff in diffs if diff.key == key]
        yield from _known(item, of_key, good.get(key), source, now, said)
    if not diffs:
        for key in sorted(item.data):
            at = changed_at(item, key)
            if at is not None and now - at <= LATELY:
                yield _guess(item, key, victims, said)


def former(
    item: ConfigMap, versions: Iterable[Version]
) -> tuple[tuple[ConfigDiff, ...], Mapping[str, str], str]:
    """(what differs from the best state that differs, that state's data, its source)."""
    for version in versions:
        data = version.item.get("data")
        if not isinstance(data, Mapping):
            continue
        good = {str(key): value for key, value in data.items() if isinstance(value, str)}
        diffs = differences(item.data, good)
        if diffs:
            return diffs, good, version.source
    return (), {}, ""


def changed_at(item: ConfigMap, key: str) -> datetime | None:
    """When somebody last edited the key; for a key that is gone, when the ConfigMap was."""
    change = last_change(item, f"data{quoted(key)}")
    if change is None:
        return edited_at(item)
    return None if change.at_creation or change.manager in CONTROLLERS else change.at


def names(said: str, words: Iterable[str]) -> bool:
    """Whether the text has one of the words as a word of its own."""
    return any(
        len(word) > 2 and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said)
        for word in words
    )


def _known(
    item: ConfigMap,
    diffs: list[ConfigDiff],
    good_text: str | None,
    source: str,
    now: datetime,
    said: str,
) -> Iterator[Edit]:
    """The one field that the log names, else all that differ: as one value where they are many."""
    key = diffs[0].key
    named = [diff for diff in diffs if names(said, diff.words[:1])]
    chosen = named if len(named) == 1 else diffs
    at = changed_at(item, key)
    if (at is None or now - at > DAY) and not named:
        return
    sure = 0.93 if any(names(said, diff.words) for diff in chosen) else 0.82
    if len(chosen) == 1:
        diff = chosen[0]
        good = None if diff.good is ABSENT else diff.good
        text = repair(item.data, diff, good_text)
        yield Edit(key, diff.pointer, good, text, source, diff.words, sure)
        return
    words = tuple(word for diff in chosen for word in diff.words)
    yield Edit(key, "", good_text, good_text, source, words, sure)


def _guess(item: ConfigMap, key: str, victims: Sequence[str], said: str) -> Edit:
    """Without a known-good value: what stands out, or only which key was edited."""
    flags = flags_on(item.data[key])
    near = [flag for flag in flags if _is_about(flag, victims) or names(said, (flag.name,))]
    chosen = near if len(near) == 1 else flags
    if len(chosen) == 1:
        flag = chosen[0]
        sure = 0.82 if near else 0.74
        words = (flag.name, key)
        return Edit(key, flag.pointer, flag.off, None, "what its neighbours have", words, sure)
    slow = slow_patterns(item.data[key])
    if len(slow) == 1:
        return Edit(key, slow[0], None, None, "", (key,), 0.7)
    return Edit(key, "", None, None, "", (key,), 0.6 if names(said, (key,)) else 0.45)


def _is_about(flag: Flag, victims: Sequence[str]) -> bool:
    """The flag's name has a victim's name in it, word by word (adFailure, ad)."""
    words = _words(flag.name)
    return any(
        words[start : start + len(name)] == name
        for name in map(_words, victims)
        if name
        for start in range(len(words))
    )


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.split(text) if word]
