"""A recording as a cluster that can only be read. Shows what was seen when it was taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from stratus_cli.cluster.recording import Recording, decode
from stratus_cli.kube.custom import kind_word, served_by, word_of
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.listing import name_of
from stratus_cli.model.errors import (
    ClusterAnswer,
    Forbidden,
    NotFound,
    RecordingError,
    Refused,
    RequestTimeout,
)
from stratus_cli.model.ref import ClusterIdentity, Ref, ServedKind
from stratus_cli.model.snapshot import Gap, GapReason


class RecordedCluster:
    """Implements model.ports.Cluster. RecordingError when the file is not a recording."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise RecordingError(
                f"the recording cannot be read ({error.strerror})", path, "Check the path."
            ) from error
        self.recording: Recording = decode(content, path)
        self._items = {
            kind: [(_name(raw, path), raw) for raw in items]
            for kind, items in self.recording.objects.items()
        }

    def identity(self) -> ClusterIdentity:
        """The cluster it was taken from."""
        return self.recording.cluster

    def list_pages(self, kind: str, namespace: str | None) -> Iterator[bytes]:
        """One page; what could not be read then raises what it raised then."""
        self._raise_gap(kind, namespace)
        items = [raw for (where, _), raw in self._items[kind] if namespace in (None, where)]
        yield msgspec.json.encode({"kind": f"{kind}List", "metadata": {}, "items": items})

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """The whole object, masked. None when it was not there."""
        if ref.kind not in self._items:
            self._raise_gap(ref.kind, ref.namespace or None)
        for key, raw in self._items.get(ref.kind, ()):
            if key == (ref.namespace, ref.name):
                info = BY_KIND.get(ref.kind)
                head = {"apiVersion": info.api_version, "kind": ref.kind} if info else {}
                return {**head, **msgspec.json.decode(raw)}
        return None

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Refused."""
        self._refuse()

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Refused."""
        self._refuse()

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        resource_version: str = "",
        orphan: bool = False,
        evict: bool = False,
        dry_run: bool = False,
    ) -> None:
        """Refused."""
        self._refuse()

    def kind_of(self, word: str) -> ServedKind | None:
        """By the definitions that were recorded; what was not recorded is not there."""
        parts = kind_word(word)
        if parts is None:
            return None
        definitions = self._items.get("CustomResourceDefinition", ())
        found = served_by((msgspec.json.decode(raw) for _, raw in definitions), parts)
        return found.served if found is not None else None

    def custom_kinds(self) -> Iterator[tuple[str, str]]:
        """(kind, API version) of the custom resources that were recorded."""
        for word, items in self._items.items():
            if word in BY_KIND or not items:
                continue
            head = msgspec.json.decode(items[0][1])
            kind, version = str(head.get("kind")), str(head.get("apiVersion"))
            if word_of(kind, version) == word:  # by which it is listed
                yield kind, version

    def seal(self, value: bytes) -> str:
        """Refused: nothing is written, so nothing is kept for it."""
        self._refuse()

    def allowed(self, verb: str, ref: Ref) -> bool | None:
        """Nobody to ask."""
        return None

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """Those that were recorded."""
        for tail in self.recording.signals.logs:
            if (tail.pod, tail.container, tail.previous) == (pod, container, previous):
                return tail.lines[-lines:]
        raise NotFound(404, "NotFound", "this log is not in the recording", str(pod))

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        """NotFound: no proxy in a recording."""
        raise NotFound(404, "NotFound", "a recording has no service proxy", path)

    def _refuse(self) -> NoReturn:
        raise Refused("a recording cannot be written to", self.path, "Leave --from out.")

    def _raise_gap(self, kind: str, namespace: str | None) -> None:
        """The error behind a gap of the kind; a kind that is neither read nor a gap is unknown."""
        for gap in self.recording.gaps:
            if gap.subject == kind and gap.namespace in ("", namespace):
                raise _error_of(gap)
        if kind not in self._items:
            raise NotFound(404, "NotFound", "this kind is not in the recording", kind)


def _name(raw: msgspec.Raw, path: str) -> tuple[str, str]:
    try:
        return name_of(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordingError("not a recording (an object is none)", path) from error


def _error_of(gap: Gap) -> ClusterAnswer:
    kinds: dict[GapReason, tuple[type[ClusterAnswer], int, str]] = {
        GapReason.FORBIDDEN: (Forbidden, 403, "Forbidden"),
        GapReason.NOT_SERVED: (NotFound, 404, "NotFound"),
        GapReason.TIMED_OUT: (RequestTimeout, 0, "Timeout"),
        GapReason.TRUNCATED: (ClusterAnswer, 200, "Truncated"),
    }
    kind, status, reason = kinds.get(gap.reason, (ClusterAnswer, 200, "Unreadable"))
    return kind(status, reason, gap.detail or gap.reason.value, gap.subject)
