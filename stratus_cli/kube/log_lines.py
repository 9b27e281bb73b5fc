"""Which log lines tell of errors, and their templates: lines that differ only in what varies. Pure.

Templates are made by masking, not by a learnt tree: a line's template does not depend on the lines
before it, so two looks agree (docs/decisions).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from stratus_cli.model.snapshot import LogTail

LONGEST = 2000

_LEVEL = re.compile(
    r"\"(?:level|severity|lvl|loglevel|log\.level|levelname|@l)\"\s*:\s*\"?(\w{1,12})"
    r"|\b(?:level|severity|lvl)=\"?(\w{1,12})"
    r"|^([EWIF])\d{4} \d{2}:\d{2}"  # klog
    r"|\"s\"\s*:\s*\"([FEWI])\""  # MongoDB
    r"|^(fail|crit|info|warn|dbug|trce): "  # .NET
    r"|^\W{0,2}(?:[\d:.,/TZ+ -]{8,40}\W{0,3})?[\[(<]?"
    r"(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|CRIT|PANIC|SEVERE|ALERT|EMERG)"
    r"[\])>]?(?![\w=])"
    r"|\[(\w{4,8})\]"
    r"|(?-i:(?<![\w/])(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|SEVERE)(?![\w=/]))",
    re.IGNORECASE,
)  # fmt: skip
_BAD = frozenset(
    [
        "e",
        "f",
        "error",
        "err",
        "fatal",
        "critical",
        "crit",
        "panic",
        "severe",
        "alert",
        "emerg",
        "emergency",
        "dpanic",
        "fail",
    ]
)
_FINE = frozenset(
    [
        "i",
        "w",
        "info",
        "information",
        "informational",
        "debug",
        "trace",
        "notice",
        "warn",
        "warning",
        "verbose",
        "dbug",
        "trce",
        "inf",
    ]
)
_ROUTINE = _FINE - {"w", "warn", "warning"}
_STATUS = re.compile(
    r"\"(?:status|status_code|code|response_code|http\.status_code|http_status)\"\s*:\s*\"?(\d{3})\b"
    r"|\b(?:status|status_code|code|response_code)=\"?(\d{3})\b"
    r"|\bHTTP/\d(?:\.\d)?\"?\s+(\d{3})\b"
    r"|\b(?:GET|POST|PUT|DELETE|PATCH|HEAD) \S{1,500} (?:HTTP/\d\S{0,3} )?(\d{3})\b"
)
_NUMERIC_LEVEL = re.compile(r"\"level\"\s*:\s*(\d{2})\b")  # pino, bunyan: 50 error, 60 fatal
_WORDS = re.compile(
    r"\b(?:error|exception|traceback|panic|fatal|failed|failure|unhandled|cannot|refused|unable to"
    r"|denied)\b|Exception\b|Error\b",
    re.IGNORECASE,
)
_NONE_WRONG = re.compile(
    r"\b(?:0|no|zero|without) (?:errors?|failures?|failed)\b|\b(?:errors?|failed|failures?)[=:] ?"
    r"(?:0|false|none|null|nil|\"\")",
    re.IGNORECASE,
)
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<id>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<ip>"),
    (re.compile(r"\b(?:0x[0-9a-f]{1,32}|(?=[0-9a-f]{0,31}\d)[0-9a-f]{8,64})\b", re.I), "<hex>"),
    (re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|[KMG]i?B?|%)?(?![\w])"), "<n>"),
)


@lru_cache(maxsize=16384)
def is_error(line: str) -> bool:
    """Whether the line says that something failed.

    By an HTTP status, else by its level, else by its words where it has no level.
    """
    text = line[:LONGEST]
    status = _status(text)
    if status >= 500:
        return True
    numeric = _NUMERIC_LEVEL.search(text)
    if numeric:
        return int(numeric[1]) >= 50
    level = _level(text)
    if level in _BAD:
        return True
    if level in _FINE or status:
        return False
    return bool(_WORDS.search(text)) and not _NONE_WRONG.search(text)


def is_routine(line: str) -> bool:
    """The program itself calls the line information or less, and it tells of no failed request."""
    text = line[:LONGEST]
    return _level(text) in _ROUTINE and not is_error(line)


def is_continuation(line: str) -> bool:
    """The line goes on with the one before it: part of a stack trace or of a printed value."""
    return line[:1] in (" ", "\t") or line.startswith(("Caused by:", "at ", "... ", "}", ")", "]"))


def template(line: str) -> str:
    """The line with times, numbers, addresses and ids masked."""
    text = line[:LONGEST]
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


def moments_of(tail: LogTail) -> Sequence[datetime | None]:
    """When each line was written; None where it is not known."""
    return tail.times if len(tail.times) == len(tail.lines) else (None,) * len(tail.lines)


def timed(lines: Sequence[str]) -> tuple[tuple[str, ...], tuple[datetime, ...]]:
    """Lines that begin with a time (kubelet's `timestamps`), apart: the texts, and the times.

    A line without one (what is masked may span lines) has the time of the line before it. Times
    are () when the first line has none.
    """
    texts: list[str] = []
    times: list[datetime] = []
    for line in lines:
        stamp, space, rest = line.partition(" ")
        at = _moment(stamp)
        if at is None and not times:
            return tuple(lines), ()
        texts.append(rest if at is not None and space else "" if at is not None else line)
        times.append(at or times[-1])
    return tuple(texts), tuple(times)


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def status_of(line: str) -> int:
    """The HTTP status that a line tells of; 0 when there is none."""
    return _status(line[:LONGEST])


def _level(text: str) -> str:
    """Lower case; "" when the line has none that is known."""
    for match in _LEVEL.finditer(text):
        word = next(item for item in match.groups() if item is not None).lower()
        if word in _BAD or word in _FINE:
            return word
    return ""


def _status(text: str) -> int:
    """An HTTP status; 0 when there is none."""
    for match in _STATUS.finditer(text):
        number = int(next(item for item in match.groups() if item is not None))
        if 100 <= number < 600:
            return number
    return 0
