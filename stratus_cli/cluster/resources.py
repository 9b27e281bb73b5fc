"""Where the API serves a kind: the table of known kinds, and discovery for all others.

What the server says is its word, not ours: names that are no names are passed over, and only the
group that was asked for is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from stratus_cli.kube.custom import KIND, PLURAL, VERSION, KindWord, is_known, kind_word, word_of
from stratus_cli.kube.kinds import BY_KIND, KindInfo
from stratus_cli.model.errors import NotFound
from stratus_cli.model.ref import Ref

MOST_VERSIONS = 10  # our choice: groups have three at most
WRITES = frozenset({"get", "update"})
"""Verbs without which a kind can be neither read nor changed (reviews, subresources)."""


class _Resource(msgspec.Struct):
    name: str = ""
    singular: str = msgspec.field(default="", name="singularName")
    kind: str = ""
    namespaced: bool = True
    verbs: list[str] = []


class _ResourceList(msgspec.Struct):
    resources: list[_Resource] = []


class _Version(msgspec.Struct):
    version: str = ""


class _Group(msgspec.Struct):
    versions: list[_Version] = []
    preferred: _Version = msgspec.field(default_factory=_Version, name="preferredVersion")


_LISTED = msgspec.json.Decoder(_ResourceList)  # made on import: see kube.listing
_GROUP = msgspec.json.Decoder(_Group)


class Resources:
    """Finds a kind's plural and scope; asks the server once per kind, whatever it answers."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._found: dict[KindWord, KindInfo | None] = {}

    def of(self, kind: str, api_version: str = "") -> KindInfo:
        """kind: a kind, or a word that names its group. NotFound when no such kind is served."""
        if is_known(kind, api_version):
            return BY_KIND[kind]
        word = kind_word(word_of(kind, api_version) if api_version else kind)
        found = self.named(word) if word is not None else None
        if found is None or (api_version and found.kind != kind):
            raise NotFound(404, "NotFound", "the cluster serves no such kind", kind)
        return found

    def named(self, word: KindWord) -> KindInfo | None:
        """The kind that the server serves by this word; None when there is none.

        ClusterAnswer when the server does not say.
        """
        if word not in self._found:
            self._found[word] = self._discover(word)
        return self._found[word]

    def path(self, ref: Ref) -> str:
        """The URL path of one object."""
        return self.of(ref.kind, ref.api_version).path(ref.namespace or None, ref.name)

    def _discover(self, word: KindWord) -> KindInfo | None:
        try:
            for version in self._versions(word):
                found = self._in_version(word, version)
                if found is not None:
                    return found
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, NotFound):
            return None
        return None

    def _versions(self, word: KindWord) -> Iterator[str]:
        """Of the group, the preferred one first."""
        if word.version:
            yield word.version
            return
        group = _GROUP.decode(self._read(f"/apis/{word.group}"))
        names = [group.preferred.version, *(item.version for item in group.versions)]
        yield from [name for name in dict.fromkeys(names) if VERSION.fullmatch(name)][
            :MOST_VERSIONS
        ]

    def _in_version(self, word: KindWord, version: str) -> KindInfo | None:
        api_version = f"{word.group}/{version}" if word.group else version
        root = f"/apis/{api_version}" if word.group else f"/api/{version}"
        for resource in _LISTED.decode(self._read(root)).resources:
            if not KIND.fullmatch(resource.kind) or not PLURAL.fullmatch(resource.name):
                continue
            info = KindInfo(resource.kind, api_version, resource.name, resource.namespaced)
            if {*resource.verbs} >= WRITES and word.means(info, resource.singular):
                return info
        return None
