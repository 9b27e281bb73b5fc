"""Kinds that are not in the table of known kinds: how they are named, and what a CRD serves.

Pure. Definitions are a cluster's data: what is not shaped as the API says defines nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.kube.kinds import BY_KIND, KindInfo

KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
PLURAL = re.compile(r"[a-z0-9][-a-z0-9]{0,62}")
GROUP = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
VERSION = re.compile(r"v[0-9]{1,4}((alpha|beta)[0-9]{1,4})?")
LONGEST_GROUP = 253  # a DNS name


@dataclass(frozen=True, slots=True)
class KindWord:
    """A kind as kubectl takes it: KIND.GROUP, PLURAL.GROUP, KIND.VERSION.GROUP or KIND.VERSION.

    name: kind, singular or plural, lower case. version: "" for the one that the server prefers.
    group: "" for core.
    """

    name: str
    version: str
    group: str

    def means(self, info: KindInfo, singular: str = "") -> bool:
        """Whether this kind is meant."""
        names = {info.kind.lower(), info.plural, singular}
        version = info.api_version.rpartition("/")[2]
        return self.name in names and self.group == info.group and self.version in ("", version)


def kind_word(word: str) -> KindWord | None:
    """The word in its parts; None where it is not of this form."""
    name, _, rest = word.lower().partition(".")
    first, _, others = rest.partition(".")
    version, group = (first, others) if VERSION.fullmatch(first) else ("", rest)
    is_group = len(group) <= LONGEST_GROUP and GROUP.fullmatch(group)
    if not PLURAL.fullmatch(name) or not (is_group or (version and not group)):
        return None
    return KindWord(name, version, group)


def word_of(kind: str, api_version: str) -> str:
    """The word for a kind of an API version, with its version: "widget.v1.example.com"."""
    group, _, version = api_version.rpartition("/")
    return f"{kind.lower()}.{version}.{group}".rstrip(".")


def is_known(kind: str, api_version: str) -> bool:
    """Whether it is in the table; another group's kind of the same name is not."""
    return kind in BY_KIND and api_version in ("", BY_KIND[kind].api_version)


def served_by(definitions: Iterable[Mapping[str, Any]], word: KindWord) -> KindInfo | None:
    """The kind that these CustomResourceDefinitions serve by this word, or None."""
    for definition in definitions:
        for info, singular in kinds_of(definition):
            if word.means(info, singular):
                return info
    return None


def kinds_of(definition: Mapping[str, Any]) -> Iterator[tuple[KindInfo, str]]:
    """(kind, singular) by served version, newest first."""
    spec = definition.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    versions = spec.get("versions") if isinstance(spec, Mapping) else None
    if not isinstance(names, Mapping) or not isinstance(versions, list):
        return
    assert isinstance(spec, Mapping)  # names came from it
    kind, plural, group = names.get("kind"), names.get("plural"), spec.get("group")
    if not (_is(KIND, kind) and _is(PLURAL, plural) and _is(GROUP, group)):
        return
    singular = names.get("singular")
    served = [
        str(version["name"])
        for version in versions
        if isinstance(version, Mapping)
        and version.get("served") is True
        and _is(VERSION, version.get("name"))
    ]
    for name in sorted(served, key=_age):
        namespaced = spec.get("scope") == "Namespaced"
        info = KindInfo(str(kind), f"{group}/{name}", str(plural), namespaced)
        yield info, singular if isinstance(singular, str) else ""


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _age(version: str) -> tuple[int, list[int]]:
    """Kubernetes' version priority: stable, beta, alpha; in each the greater number first."""
    stage = 2 if "alpha" in version else 1 if "beta" in version else 0
    return stage, [-int(number) for number in re.findall(r"[0-9]+", version)]
