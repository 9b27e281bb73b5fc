"""Until when the certificates are valid that Ingresses and pods serve, in one request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stratus_cli.model.certificates import Certificates
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.objects_network import Ingress
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Certificate, Gap, GapReason, Snapshot


class CertificateSource:
    """Asks only where something uses a Secret that may hold a certificate."""

    name = "certificates"

    def __init__(self, cluster: object) -> None:
        self._cluster = cluster

    def read(self, snap: Snapshot) -> Snapshot:
        """With the certificates of Secrets that are used; a gap where they may not be read."""
        used = set(used_secrets(snap))
        if not used or not isinstance(self._cluster, Certificates):
            return snap
        found: list[Certificate] = []
        for space in snap.scope.asked or (None,):
            try:
                found.extend(self._cluster.certificates(space))
            except ClusterAnswer as error:
                gap = Gap(self.name, GapReason.FORBIDDEN, error.what[:200], space or "")
                return replace(snap, gaps=(*snap.gaps, gap))
        kept = tuple(item for item in found if item.ref in used)
        return replace(snap, signals=replace(snap.signals, certificates=kept))


def used_secrets(snap: Snapshot) -> Iterator[Ref]:
    """Secrets that Ingresses serve TLS with, and those that pods mount."""
    for ingress in snap.of(Ingress):
        for item in ingress.spec.tls:
            if item.secret_name:
                yield Ref("Secret", ingress.metadata.namespace, item.secret_name, "v1")
    for pod in snap.of(Pod):
        for volume in pod.spec.volumes:
            if volume.secret is not None and volume.secret.secret_name:
                yield Ref("Secret", pod.metadata.namespace, volume.secret.secret_name, "v1")
