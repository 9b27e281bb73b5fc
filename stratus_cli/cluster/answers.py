"""HTTP answers of an API server as errors of the model: what a status and a Status object mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RequestTimeout,
    StratusError,
)

TRUNCATED = "Truncated"
UNREADABLE = "Unreadable"
EXPIRED = "Expired"

_BY_STATUS: dict[int, type[ClusterAnswer]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    504: RequestTimeout,
}


class Status(msgspec.Struct, rename="camel"):
    """The parts of a meta/v1 Status that are used."""

    message: str = ""
    reason: str = ""
    metadata: dict[str, Any] = {}


_STATUS = msgspec.json.Decoder(Status)  # made on import: see kube.listing


def status_of(body: bytes) -> Status:
    """The Status object of an error answer; an empty one when the body is something else."""
    try:
        return _STATUS.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Status()


def error_of(code: int, body: bytes, where: str, masked: Callable[[str], str]) -> StratusError:
    """The error that an answer of 300 and above stands for."""
    status = status_of(body)
    message = masked(" ".join(status.message.split()))[:500]
    if code == 401:
        return ClusterUnreachable(
            "the API server does not accept our credentials (401 Unauthorized)",
            where,
            "The token or certificate may have expired: log in again, or choose another --context.",
        )
    if 300 <= code < 400:
        return ClusterUnreachable(
            f"the server redirects elsewhere ({code}), as an API server does not",
            where,
            "Check the server's URL in the kubeconfig, and proxies on the way.",
        )
    kind = _BY_STATUS.get(code, ClusterAnswer)
    what = message or f"the API server answered {code}"
    return kind(code, status.reason or str(code), what, where)


def timed_out(where: str, seconds: float) -> RequestTimeout:
    """No answer within the deadline."""
    return RequestTimeout(
        0, "Timeout", f"no answer within {seconds:g} s", where, "A longer one: --timeout."
    )


def broken_off(where: str) -> RequestTimeout:
    """The connection broke after a write was sent."""
    return RequestTimeout(0, "Disconnected", "the connection broke before the answer came", where)


def truncated(where: str) -> ClusterAnswer:
    """The answer ends before its end."""
    return ClusterAnswer(200, TRUNCATED, "the answer is cut off", where)


def unreadable(where: str, why: str) -> ClusterAnswer:
    """The answer is not what was asked for."""
    return ClusterAnswer(200, UNREADABLE, why, where)


def decode_error(error: Exception, where: str) -> ClusterAnswer:
    """What a failure to decode a JSON answer says."""
    if "truncated" in str(error):
        return truncated(where)
    return unreadable(where, f"the answer is not the JSON expected ({str(error)[:120]})")
