"""The file format of recordings, "stratus/recording/v1": JSON, plain or gzipped.

objects holds the masked items of each kind as the API server sent them, so that a recording shows
what a live look shows, and whole objects for plans. A kind that is missing there is in gaps.
"""

from __future__ import annotations

import gzip
import zlib
from datetime import datetime

import msgspec

from stratus_cli.kube.listing import check_text
from stratus_cli.model.errors import RecordingError
from stratus_cli.model.ref import ClusterIdentity
from stratus_cli.model.snapshot import Gap, Scope, Signals

SCHEMA = "stratus/recording/v1"
LARGEST_B = 4 * 1024**3

_GZIP = b"\x1f\x8b"


class Recording(msgspec.Struct, rename="camel", kw_only=True):
    """One look at a cluster. asked: the namespaces that were asked for, () for all."""

    schema: str
    taken_at: datetime
    cluster: ClusterIdentity
    scope: Scope
    gaps: tuple[Gap, ...]
    signals: Signals
    objects: dict[str, list[msgspec.Raw]]


def encode(recording: Recording, *, compressed: bool) -> bytes:
    """The file's content; the same for the same recording."""
    content = msgspec.json.encode(recording)
    return gzip.compress(content, compresslevel=6, mtime=0) if compressed else content


def decode(content: bytes, name: str) -> Recording:
    """Raises RecordingError naming the file, whatever is wrong with it."""
    hint = "Make one with `stratus record --out FILE`."
    try:
        plain = _unpacked(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise RecordingError("the recording cannot be unpacked", name, hint) from error
    try:
        check_text(plain)
        recording = msgspec.json.decode(plain, type=Recording)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise RecordingError(f"not a recording ({str(error)[:120]})", name, hint) from error
    if recording.schema != SCHEMA:
        other = f"its schema is {recording.schema[:60]!r}, this version reads {SCHEMA!r}"
        raise RecordingError(f"not a recording that can be read ({other})", name, hint)
    if recording.taken_at.tzinfo is None:
        raise RecordingError("not a recording (takenAt has no time zone)", name, hint)
    return recording


def _unpacked(content: bytes) -> bytes:
    """Refuses what unpacks to more than any cluster holds."""
    unpacker = zlib.decompressobj(wbits=31)
    plain = unpacker.decompress(content, LARGEST_B)
    if not unpacker.eof:
        raise EOFError
    return plain
