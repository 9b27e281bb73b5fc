"""The objects and the KEY=VALUE pairs that a kubectl command names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratus_cli.actions.taint import EFFECTS
from stratus_cli.actions.words import Parsed, Word
from stratus_cli.kube.custom import kind_word
from stratus_cli.kube.kinds import KindInfo, kind_named
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]*[a-z0-9])?")
PAIR = re.compile(r"([^=]+)=(.*)", re.DOTALL)


def objects_named(words: Sequence[Word], namespace: str) -> tuple[list[Ref], list[str]] | Refusal:
    """The objects named first ("kind/name ..." or "kind name ..."), and the words after them."""
    texts = [word for word in words if isinstance(word, str)]
    if len(texts) != len(words):
        return Refusal("grammar", "a document where a word is wanted")
    if not texts:
        return Refusal("grammar", "no object is named", "name it as KIND/NAME")
    refs: list[Ref] = []
    if "/" in texts[0] and "=" not in texts[0]:
        while texts and "/" in texts[0] and not _is_pair(texts[0]):
            kind, _, name = texts.pop(0).partition("/")
            ref = ref_named(kind, name, namespace)
            if isinstance(ref, Refusal):
                return ref
            refs.append(ref)
        return refs, texts
    kind = texts.pop(0)
    while texts and not _is_pair(texts[0]):
        ref = ref_named(kind, texts.pop(0), namespace)
        if isinstance(ref, Refusal):
            return ref
        refs.append(ref)
    if not refs:
        return Refusal("grammar", f"no name after {kind}", f"name it as {kind}/NAME")
    return refs, texts


def _is_pair(word: str) -> bool:
    return "=" in word or word.endswith(("-", *EFFECTS))


def ref_named(word: str, name: str, namespace: str) -> Ref | Refusal:
    """The object that a kind's name or short name and a name mean.

    A kind of another group keeps its word until a cluster says what it is (actions.served).
    """
    info = kind_named(word)
    if info is None:
        return _unresolved(word, name, namespace)
    if not _is_group_of(word.partition(".")[2], info):
        # A Ref tells kinds apart by their names alone.
        return Refusal("kind", f"{word!r} has the name of a built-in kind", "change it by hand")
    if not NAME.fullmatch(name):
        return Refusal("name", f"{name!r} is not an object's name")
    return Ref(info.kind, namespace if info.namespaced else "", name, info.api_version)


def _unresolved(word: str, name: str, namespace: str) -> Ref | Refusal:
    if kind_word(word) is None:
        return Refusal(
            "kind",
            f"{word!r} is not a kind that can be changed",
            "name a custom one as KIND.GROUP/NAME",
        )
    if not NAME.fullmatch(name):
        return Refusal("name", f"{name!r} is not an object's name")
    return Ref(word.lower(), namespace, name)


def _is_group_of(suffix: str, info: KindInfo) -> bool:
    """ "", "apps" or "v1.apps" after a kind; another group's kind of this name is another kind."""
    version = info.api_version.rpartition("/")[2]
    return suffix.lower() in ("", info.group, f"{version}.{info.group}".rstrip("."))


def one_object(parsed: Parsed, namespace: str) -> tuple[Ref, list[str]] | Refusal:
    """The one object named, and the words after it."""
    found = objects_named(parsed.positional, namespace)
    if isinstance(found, Refusal):
        return found
    refs, rest = found
    if len(refs) != 1:
        return Refusal("grammar", "one object a line here")
    return refs[0], rest


def one_object_alone(parsed: Parsed, namespace: str) -> Ref | Refusal:
    """The one object named, where no other word may follow."""
    found = one_object(parsed, namespace)
    if isinstance(found, Refusal):
        return found
    ref, rest = found
    return Refusal("grammar", f"{rest[0]!r} is one word too many") if rest else ref


def pairs_of(words: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]] | Refusal:
    """(key, value) pairs of KEY=VALUE, and the keys of KEY-."""
    values: dict[str, str] = {}
    remove: list[str] = []
    for word in words:
        match = PAIR.fullmatch(word)
        if match is not None:
            if match[1] in values:
                return Refusal("grammar", f"{match[1]} is given twice")
            values[match[1]] = match[2]
        elif word.endswith("-") and len(word) > 1:
            remove.append(word[:-1])
        else:
            return Refusal("grammar", f"{word!r} is neither KEY=VALUE nor KEY-")
    both = set(values) & set(remove)
    if both:
        return Refusal("grammar", f"{min(both)} is both set and removed")
    return tuple(values.items()), tuple(remove)


def labels_of(text: str) -> tuple[tuple[str, str], ...] | Refusal:
    """The pairs of "a=b,c=d", as a selector: no set or negative expression, no empty key."""
    pairs = pairs_of([part for part in text.split(",") if part])
    if isinstance(pairs, Refusal):
        return pairs
    values, remove = pairs
    if remove or not values or any(key.endswith("!") or "=" in value for key, value in values):
        return Refusal("grammar", f"{text!r} is not KEY=VALUE[,KEY=VALUE]")
    return values
