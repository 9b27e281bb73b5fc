"""Listing kinds in parallel, and saying of each what could not be read.

An unread kind is a Gap with its reason, never an empty list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import msgspec

from stratus_cli.cluster.parallel import in_parallel
from stratus_cli.kube.custom_owners import MOST_KINDS, custom_info, owner_kinds
from stratus_cli.kube.kinds import BY_KIND, OBSERVED, KindInfo
from stratus_cli.kube.listing import Page, name_of
from stratus_cli.model.errors import ClusterAnswer, Forbidden, NotFound, RequestTimeout
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.ports import Cluster
from stratus_cli.model.snapshot import Gap, GapReason

FIRST = ("Namespace",)
UNKEPT = frozenset({"Pod", "Event", "EndpointSlice", "Node", "Secret", "Lease"})
"""Kinds whose JSON is not kept: made by controllers and many, large, or known by metadata only."""


@dataclass
class Gathered:
    """What was listed. objects: decoded, by kind; raws: the same items undecoded, when kept.

    originals: as Snapshot has them.

    read: namespaces in which something could be listed by name; None where all were listed at once.
    """

    objects: dict[str, tuple[KubeObject, ...]] = field(default_factory=dict)
    raws: dict[str, list[msgspec.Raw]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    originals: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def join(self, more: Gathered) -> None:
        """Take in what was listed of other kinds."""
        self.objects.update(more.objects)
        self.raws.update(more.raws)
        self.gaps.extend(more.gaps)
        self.originals.update(more.originals)


@dataclass
class _Part:
    """One kind in one namespace, or in all (None)."""

    info: KindInfo
    namespace: str | None
    items: list[KubeObject] = field(default_factory=list)
    raws: list[msgspec.Raw] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    error: ClusterAnswer | None = None


def prepare(kinds: tuple[KindInfo, ...] = OBSERVED) -> None:
    """Make every decoder, before any thread starts.

    msgspec (0.22) fills in what it knows of a Struct at its first use, and two threads that do so
    at once crash the interpreter.
    """
    for info in kinds:
        _list_decoder(info.struct or KubeObject)
    _page_decoder()
    _name_of(msgspec.Raw(b"{}"))


def gather(
    cluster: Cluster,
    asked: tuple[str, ...],
    kinds: tuple[KindInfo, ...] = OBSERVED,
    *,
    keep_raw: bool = False,
) -> Gathered:
    """List the kinds, in the asked namespaces or in all.

    A kind that may not be listed over all namespaces is listed one by one in those that exist.
    """
    prepare(kinds)
    wanted = [
        (info, namespace)
        for info in kinds
        for namespace in (asked if asked and info.namespaced else (None,))
    ]
    parts = list(_listed(cluster, wanted, keep_raw))
    if not asked:
        parts = _narrowed(cluster, parts, keep_raw)
    found = Gathered()
    for info in kinds:
        _put_together(found, info, [part for part in parts if part.info is info], keep_raw)
    return found


def add_owners(
    found: Gathered, cluster: Cluster, asked: tuple[str, ...], *, keep_raw: bool = False
) -> None:
    """Custom resources that control what was listed: one request for each of their kinds."""
    kinds = owner_kinds(found.objects)
    if kinds:
        found.join(gather(cluster, asked, kinds, keep_raw=keep_raw))


def gather_custom(
    cluster: Cluster,
    asked: tuple[str, ...],
    words: Sequence[str],
    known: Gathered,
    *,
    keep_raw: bool = False,
) -> Gathered:
    """List custom kinds that are named as PLURAL.GROUP and were not listed yet; few at most."""
    kinds: list[KindInfo] = []
    gaps: list[Gap] = []
    for word in words[:MOST_KINDS]:
        try:
            served = cluster.kind_of(word)
        except ClusterAnswer as error:
            gaps.append(gap_of(word, error))
            continue
        if served is not None and served.kind not in BY_KIND and served.kind not in known.objects:
            kinds.append(custom_info(served.kind, served.api_version, namespaced=served.namespaced))
    more = gather(cluster, asked, tuple(kinds), keep_raw=keep_raw) if kinds else Gathered()
    more.gaps.extend(gaps)
    return more


def _listed(
    cluster: Cluster, wanted: list[tuple[KindInfo, str | None]], keep_raw: bool
) -> tuple[_Part, ...]:
    return in_parallel(
        [partial(_list, cluster, info, namespace, keep_raw) for info, namespace in wanted]
    )


def _narrowed(cluster: Cluster, parts: list[_Part], keep_raw: bool) -> list[_Part]:
    """Forbidden over all namespaces: ask in each one, if their names are known."""
    refused = [part for part in parts if isinstance(part.error, Forbidden) and part.info.namespaced]
    names = [
        item.metadata.name
        for part in parts
        if part.info.kind == "Namespace" and part.error is None
        for item in part.items
    ]
    if not refused or not names:
        return parts
    again = _listed(cluster, [(part.info, name) for part in refused for name in names], keep_raw)
    readable = {part.info for part in again if part.error is None}
    kept = [part for part in parts if part not in refused or part.info not in readable]
    return kept + [part for part in again if part.info in readable]


def _put_together(found: Gathered, info: KindInfo, parts: list[_Part], keep_raw: bool) -> None:
    for part in parts:
        found.gaps.extend(part.gaps)
        if part.error is not None:
            found.gaps.append(gap_of(info.kind, part.error, part.namespace or ""))
    if any(part.error is None for part in parts):
        # A custom kind is listed by the word that names its group, and kept by its own name.
        kind = info.struct.KIND if info.struct else info.kind
        found.objects[kind] = tuple(item for part in parts for item in part.items)
        if info.kind not in UNKEPT:
            found.originals.update(_originals(kind, parts))
        if keep_raw:
            found.raws[info.kind] = [raw for part in parts for raw in part.raws]


def _list(cluster: Cluster, info: KindInfo, namespace: str | None, keep_raw: bool) -> _Part:
    part = _Part(info, namespace)
    try:
        for page in cluster.list_pages(info.kind, namespace):
            part.items.extend(_decoded(page, part))
            if keep_raw or info.kind not in UNKEPT:
                part.raws.extend(_page_decoder().decode(page).items or ())
    except ClusterAnswer as error:
        return _Part(info, namespace, error=error)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = "Truncated" if "truncated" in str(error) else "Unreadable"
        return _Part(info, namespace, error=ClusterAnswer(200, reason, str(error)[:200]))
    return part


def _originals(kind: str, parts: list[_Part]) -> Iterator[tuple[tuple[str, str, str], bytes]]:
    for part in parts:
        for raw in part.raws:
            yield (kind, *_name_of(raw)), raw


def _decoded(page: bytes, part: _Part) -> list[KubeObject]:
    """The items of a page; one that does not decode is a gap of its own namespace."""
    struct = part.info.struct or KubeObject
    try:
        return _list_decoder(struct).decode(page).items or []
    except msgspec.ValidationError:
        pass
    items: list[KubeObject] = []
    for raw in _page_decoder().decode(page).items or ():
        try:
            items.append(msgspec.json.decode(raw, type=struct))
        except msgspec.ValidationError as error:
            namespace, name = _name_of(raw)
            detail = f"{name}: {error}"[:200]
            part.gaps.append(Gap(part.info.kind, GapReason.UNREADABLE, detail, namespace))
    return items


@cache
def _list_decoder(struct: type[KubeObject]) -> Any:  # noqa: ANN401  # msgspec.json.Decoder[List]
    listed = msgspec.defstruct("List", [("items", list[struct] | None, None)])  # type: ignore[valid-type]  # made for each kind
    return msgspec.json.Decoder(listed)


@cache
def _page_decoder() -> msgspec.json.Decoder[Page]:
    return msgspec.json.Decoder(Page)


def _name_of(raw: msgspec.Raw) -> tuple[str, str]:
    try:
        return name_of(raw)
    except msgspec.DecodeError:
        return ("", "?")


def gap_of(subject: str, error: ClusterAnswer, namespace: str = "") -> Gap:
    """Why something is missing."""
    return Gap(subject, _reason(error), error.what[:200], namespace)


def _reason(error: ClusterAnswer) -> GapReason:
    if isinstance(error, Forbidden):
        return GapReason.FORBIDDEN
    if isinstance(error, NotFound):
        return GapReason.NOT_SERVED
    if isinstance(error, RequestTimeout):
        return GapReason.TIMED_OUT
    return GapReason.TRUNCATED if error.reason == "Truncated" else GapReason.UNREADABLE
