"""Record: what one look saw, as a file that detect, diagnose, health and plan can be run on."""

from __future__ import annotations

from stratus_cli.cluster.recording import SCHEMA, Recording, encode
from stratus_cli.flow.observe import ScopeRequest, look_closely
from stratus_cli.model.ports import Ports


def record(ports: Ports, request: ScopeRequest, *, compressed: bool) -> bytes:
    """The content of a recording. Values that look like credentials were masked when read."""
    snap, found = look_closely(ports, request, keep_raw=True)
    recording = Recording(
        schema=SCHEMA,
        taken_at=snap.taken_at,
        cluster=snap.cluster,
        scope=snap.scope,
        gaps=snap.gaps,
        signals=snap.signals,
        objects=found.raws,
    )
    return encode(recording, compressed=compressed)
