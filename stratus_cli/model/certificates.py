"""Who can tell until when certificates are valid. Dates and names only, never a key."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from stratus_cli.model.snapshot import Certificate


@runtime_checkable
class Certificates(Protocol):
    """A cluster that keeps certificates in Secrets of type kubernetes.io/tls."""

    def certificates(self, namespace: str | None) -> tuple[Certificate, ...]:
        """Those of one namespace, or of all (None), in one request, by ref.

        () where they may not be read by policy. ClusterAnswer when the server refuses.
        """
