"""The bytes of a journal: one JSON object a line, each sealed with a hash over itself and the last.

Pure. A line is `{"seq":N,"prev":HASH,...,"hash":HASH}`; its hash is over its own bytes without the
hash field, so every flipped byte shows. Line 1 is the header (no seq and prev; its hash is the
first record's prev).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = "stratus/journal/v1"

_START = b'{"schema":"' + SCHEMA.encode() + b'"'
_SEAL = re.compile(rb',"hash":"([0-9a-f]{64})"\}')
_SEAL_LENGTH = len(',"hash":""}') + 64


class Broken(ValueError):
    """The chain does not hold. line: 1 for the header. good: hash of the last line that holds."""

    def __init__(self, line: int, why: str, good: str = "") -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line
        self.why = why
        self.good = good


@dataclass(frozen=True)
class Chain:
    """What holds. end: length of it in bytes; torn: bytes of a last line that was cut short."""

    header: Mapping[str, Any]
    records: tuple[dict[str, Any], ...]
    hash: str
    end: int
    torn: int = 0


def seal(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """(line with its newline, its hash). TypeError or ValueError for what is no JSON."""
    body = json.dumps(fields, separators=(",", ":")).encode()
    digest = _digest(body)
    return body[:-1] + f',"hash":"{digest}"}}\n'.encode(), digest


def seal_record(seq: int, prev: str, record: Mapping[str, Any]) -> tuple[bytes, str]:
    """A record's line and hash. seq counts from 1; prev is the hash of the line before."""
    return seal({"seq": seq, "prev": prev, **record})


def seal_header(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """The header's line and hash."""
    return seal({"schema": SCHEMA, **fields})


def sealed(header: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> tuple[bytes, str]:
    """A whole journal and its last hash. Old seals of the given records are left out."""
    line, last = seal_header({key: header[key] for key in header if key not in ("schema", "hash")})
    lines = [line]
    for seq, record in enumerate(records, 1):
        bare = {key: record[key] for key in record if key not in ("seq", "prev", "hash")}
        line, last = seal_record(seq, last, bare)
        lines.append(line)
    return b"".join(lines), last


def peek(data: bytes) -> Mapping[str, Any]:
    """The header as it stands, unverified; {} when there is none."""
    try:
        header = json.loads(data.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def read(data: bytes) -> Chain:
    """Verify from the first line to the last. Broken, but for a torn last line.

    Room that was allocated and never written is NUL bytes at the end. A file that was being
    created when the machine stopped reads as a journal without header and records.
    """
    text = data.rstrip(b"\0")
    lines = text.split(b"\n")
    tail = lines.pop()
    # JSON never holds a raw NUL: a last line with NULs in it was written in part, in any order.
    if not tail and len(lines) > 1 and _is_torn(lines[-1]):
        tail = lines.pop() + b"\n"
    if not lines:
        return _unborn(text)
    header, last = _open(lines[0], 1, "")
    if header.get("schema") != SCHEMA:
        raise Broken(1, f"it is of another schema than {SCHEMA}")
    records = []
    for number, line in enumerate(lines[1:], 2):
        record, digest = _open(line, number, last)
        if record.get("prev") != last or record.get("seq") != number - 1:
            raise Broken(number, "it does not follow the line before", last)
        last = digest
        records.append(record)
    end = sum(len(line) + 1 for line in lines)
    return Chain(header, tuple(records), last, end, len(tail))


def salvage(data: bytes) -> tuple[dict[str, Any], ...]:
    """Each record of a broken journal whose own seal fits, in order; what was damaged is left out.

    Before the break the chain vouches for them as well; after it only their own seals do.
    """
    found = []
    for line in data.rstrip(b"\0").split(b"\n")[1:]:
        if _sealed_hash(line) is None:
            continue
        with contextlib.suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                found.append(record)
    return tuple(found)


def _unborn(text: bytes) -> Chain:
    if text.startswith(_START) or _START.startswith(text):
        return Chain({}, (), "", 0, len(text))
    raise Broken(1, "this is not a journal")


def _is_torn(line: bytes) -> bool:
    if b"\0" not in line:
        return False
    whole, _, _ = line.partition(b"\0")
    return _sealed_hash(whole) is None  # else the newline between two records was damaged


def _open(line: bytes, number: int, good: str) -> tuple[dict[str, Any], str]:
    digest = _sealed_hash(line)
    if digest is None:
        what = "this is not a journal" if number == 1 and not line.startswith(_START) else ""
        raise Broken(number, what or "its hash does not match what it says", good)
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise Broken(number, "it is not JSON", good) from None
    if not isinstance(record, dict):
        raise Broken(number, "it is not a record", good)
    return record, digest


def _sealed_hash(line: bytes) -> str | None:
    """The hash of a line whose seal fits it, else None."""
    match = _SEAL.fullmatch(line, max(0, len(line) - _SEAL_LENGTH))
    if match is None:
        return None
    claimed = match[1].decode()
    return claimed if _digest(line[: match.start()] + b"}") == claimed else None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
