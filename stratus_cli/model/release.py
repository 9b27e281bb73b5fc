"""A release of a package manager, and who can tell of releases. Manifests only, never values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Release:
    """One revision of a Helm release. documents: its manifests, masked, without Secrets.

    status: Helm's word: deployed, superseded, failed, pending-upgrade ...
    """

    name: str
    namespace: str
    revision: int
    status: str
    deployed_at: datetime | None = None
    documents: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


@runtime_checkable
class Releases(Protocol):
    """A cluster that keeps releases."""

    def releases(self, namespace: str) -> tuple[Release, ...]:
        """The newest revisions of each release in a namespace, newest first.

        () where they may not be read by policy. ClusterAnswer when the server refuses.
        """


class Declared(Protocol):
    """Where objects are declared outside the cluster."""

    def documents(self) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """(where it stands, manifest), masked, without Secrets."""
