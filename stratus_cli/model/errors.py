"""The one error root. Every error a person may see says what, where and what to do next."""

from __future__ import annotations


class StratusError(Exception):
    """Base of all expected errors.

    what: one clause, without a full stop. where: object, file or server it is about ("" if none).
    hint: what to do next ("" if nothing can be done). exit_code: see cli/exits.py.
    """

    exit_code = 70

    def __init__(self, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.what}: {self.where}" if self.where else self.what
        return f"{text}. {self.hint}" if self.hint else text


class UsageError(StratusError):
    """The command line, a configuration file or an input file cannot be used as given."""

    exit_code = 2


class Refused(StratusError):
    """Stratus declines to write; nothing was written."""

    exit_code = 4


class PlanRefused(Refused):
    """A plan file is edited, expired, for another cluster, or its objects changed."""


class JournalError(Refused):
    """The journal cannot be used: locked, broken chain, other cluster, disk full."""


class RecordingError(UsageError):
    """A recording cannot be read or is not one."""


class ClusterUnreachable(StratusError):
    """No answer from the API server, or it does not accept who we are."""

    exit_code = 7


class ClusterAnswer(StratusError):
    """The API server answered a request with an error status. status: the HTTP code."""

    exit_code = 7

    def __init__(
        self, status: int, reason: str, what: str, where: str = "", hint: str = ""
    ) -> None:
        super().__init__(what, where, hint)
        self.status = status
        self.reason = reason


class Conflict(ClusterAnswer):
    """409: the object moved since it was read, or it exists already (reason AlreadyExists)."""


class Forbidden(ClusterAnswer):
    """403: not allowed, or an admission plugin or quota refused it (the message says which)."""


class NotFound(ClusterAnswer):
    """404: no such object, or the kind is not served."""


class Invalid(ClusterAnswer):
    """422: the API server's validation, or a uid precondition, refused it."""


class RequestTimeout(ClusterAnswer):
    """No answer in time. A write may have been applied all the same."""
