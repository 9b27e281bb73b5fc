"""Which kinds the twin serves: those of the table, and those that stored definitions add."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.cluster.twin.store import Store
from stratus_cli.kube.custom import KindWord, kind_word, kinds_of, served_by
from stratus_cli.kube.kinds import BY_KIND, KindInfo

DEFINITION = "CustomResourceDefinition"


def served(store: Store, kind: str, api_version: str = "") -> KindInfo | None:
    """A kind, or the word for one; in this version where it is served so, else in the newest."""
    if kind in BY_KIND:
        return BY_KIND[kind]
    if "." in kind:
        word = kind_word(kind)
        return served_word(store, word) if word is not None else None
    found = [info for info in _custom(store) if info.kind == kind]
    exact = (info for info in found if info.api_version == api_version)
    return next(exact, found[0] if found else None)


def served_word(store: Store, word: KindWord) -> KindInfo | None:
    """The kind by a word that names its group."""
    known = (info for info in BY_KIND.values() if word.means(info))
    return next(known, None) or served_by(store.of(DEFINITION), word)


def _custom(store: Store) -> Iterator[KindInfo]:
    for definition in store.of(DEFINITION):
        yield from (info for info, _ in kinds_of(definition))
