"""Custom resources: objects of kinds that are not in the table. Spec and status are plain JSON."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from stratus_cli.model.objects import KubeObject, TrackedMeta


class CustomObject(KubeObject, frozen=True):
    """One custom resource. Its class carries its kind, as with every other kind."""

    metadata: TrackedMeta = TrackedMeta()
    spec: Any = None
    status: Any = None


@cache
def custom_struct(kind: str, api_version: str) -> type[CustomObject]:
    """The class of a kind; the same one for the same kind."""
    return msgspec.defstruct(  # type: ignore[return-value]  # its base is CustomObject
        kind,
        [],
        bases=(CustomObject,),
        namespace={"KIND": kind, "API_VERSION": api_version},
        frozen=True,
    )
