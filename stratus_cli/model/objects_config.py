"""ConfigMaps, and what is read of Secrets (Kubernetes API v1.34)."""

from __future__ import annotations

import msgspec

from stratus_cli.model.objects import KubeObject, TrackedMeta

# Configuration, policy, storage, nodes


class ConfigMap(KubeObject, frozen=True):
    KIND = "ConfigMap"
    metadata: TrackedMeta = TrackedMeta()
    data: dict[str, str] = msgspec.field(default_factory=dict)
    binary_data: dict[str, str] = msgspec.field(default_factory=dict)


class Secret(KubeObject, frozen=True):
    """Metadata only: the live adapter asks the server for PartialObjectMetadata."""

    KIND = "Secret"
    metadata: TrackedMeta = TrackedMeta()
