"""The dates and names of an X.509 certificate (RFC 5280), read from its PEM text. Pure.

Reads as much of the DER as that takes and verifies nothing. The text is hostile: what is not shaped
like a certificate is None.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

LONGEST_B = 65536  # of one certificate; usual ones have 1 to 4 KiB
MOST_NAMES = 100
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_SEQUENCE, _VERSION, _EXTENSIONS, _OID, _BOOLEAN = 0x30, 0xA0, 0xA3, 0x06, 0x01
_UTC_TIME, _GENERALIZED_TIME, _OCTETS, _DNS_NAME = 0x17, 0x18, 0x04, 0x82
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")  # 2.5.29.17


@dataclass(frozen=True, slots=True)
class Dates:
    """From when until when, and the DNS names that it is for."""

    not_before: datetime
    not_after: datetime
    names: tuple[str, ...] = ()


def dates_of(pem: bytes) -> Dates | None:
    """Of the first certificate in a PEM text: the server's own, the others are its issuers'."""
    found = _PEM.search(pem[:LONGEST_B])
    if found is None:
        return None
    try:
        return _dates(base64.b64decode(re.sub(rb"\s", b"", found.group(1)), validate=True))
    except (binascii.Error, ValueError, IndexError, UnicodeDecodeError, StopIteration):
        return None


def _dates(der: bytes) -> Dates:
    _, certificate = next(_elements(der))
    _, body = next(_elements(certificate))
    fields = [item for item in _elements(body) if item[0] != _VERSION]
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions
    times = [_time(kind, value) for kind, value in _elements(fields[3][1])]
    extensions = next((value for kind, value in fields[5:] if kind == _EXTENSIONS), b"")
    names = tuple(_names(extensions))[:MOST_NAMES]
    return Dates(times[0], times[1], names)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each element; definite lengths only, as DER has them."""
    place = 0
    while place < len(data):
        tag, length = data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            if not 0 < size <= 4:
                raise ValueError("not a length")
            length = int.from_bytes(data[place : place + size])
            place += size
        if place + length > len(data):
            raise ValueError("an element is cut off")
        yield tag, data[place : place + length]
        place += length


def _time(kind: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if kind == _UTC_TIME:  # two digits of the year: 50 and more are 19xx
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif kind != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _names(extensions: bytes) -> Iterator[str]:
    for _, listed in _elements(extensions):
        for _, extension in _elements(listed):
            parts = [item for item in _elements(extension) if item[0] != _BOOLEAN]
            if len(parts) == 2 and parts[0] == (_OID, _SUBJECT_ALT_NAME):
                for _, names in _elements(parts[1][1]):
                    for kind, name in _elements(names):
                        if kind == _DNS_NAME:
                            yield name.decode("ascii").lower()
