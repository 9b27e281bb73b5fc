"""Certificates in Secrets of type kubernetes.io/tls: until when they are valid, for which names.

One of the three reads of Secret values that there are. Only the dates and names of `tls.crt` are
kept; the key is never decoded and goes with the answer.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from stratus_cli.kube.certificate import dates_of
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Certificate

TYPE = "kubernetes.io/tls"
QUERY = {"fieldSelector": f"type={TYPE}"}


class _Data(msgspec.Struct):
    """`tls.key` is not a field here: the decoder skips it."""

    crt: str = msgspec.field(default="", name="tls.crt")


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Secret(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    type: str = ""
    data: _Data | None = None


class _List(msgspec.Struct):
    items: list[_Secret] | None = None


_DECODER = msgspec.json.Decoder(_List)  # made on import: see kube.listing


def read(answer: bytes) -> tuple[Certificate, ...]:
    """The certificates of a listing, by ref. What is no listing has none."""
    try:
        items = _DECODER.decode(answer).items or ()
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ()
    found = (_certificate(item) for item in items if item.type == TYPE)
    return tuple(sorted(found, key=lambda item: item.ref))


def _certificate(item: _Secret) -> Certificate:
    ref = Ref("Secret", item.metadata.namespace, item.metadata.name, "v1")
    try:
        pem = base64.b64decode(item.data.crt if item.data else "", validate=True)
    except (binascii.Error, ValueError):
        return Certificate(ref)
    dates = dates_of(pem)
    if dates is None:
        return Certificate(ref)
    return Certificate(ref, dates.not_before, dates.not_after, dates.names)
