"""The history that StatefulSets and DaemonSets keep of their templates (Kubernetes API v1.34)."""

from __future__ import annotations

from stratus_cli.model.objects import KubeObject


class ControllerRevision(KubeObject, frozen=True):
    """revision: rises with each template; `data` is read from the JSON as it is."""

    KIND = "ControllerRevision"
    API_VERSION = "apps/v1"
    revision: int = 0
