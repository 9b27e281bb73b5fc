"""Prometheus' HTTP API: instant and range queries, alerting rules, intervals. Decodes, no more.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from stratus_cli.telemetry.endpoint import Endpoint, failed

DEFAULT_INTERVAL_S = 60.0
"""Of scrapes and evaluations where the configuration cannot be read: Prometheus' own default."""

UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
PART = re.compile(r"(\d{1,9})(ms|[smhdwy])")
INTERVAL = re.compile(r"^\s+(scrape|evaluation)_interval:\s*[\"']?(\w+)", re.MULTILINE)
GLOBAL = re.compile(r"^global:\n(?:[ \t]+.*\n?)*", re.MULTILINE)

Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Series:
    """Labels, and (epoch seconds, value) by time. NaN is left out; +Inf is a value."""

    metric: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class Rule(msgspec.Struct):
    """An alerting rule. duration: its `for`, in seconds."""

    name: str = ""
    query: str = ""
    type: str = ""
    duration: float = 0.0


class Group(msgspec.Struct):
    """Rules that are evaluated together, every so many seconds."""

    interval: float = 0.0
    rules: list[Rule] = []


class _Result(msgspec.Struct):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Data(msgspec.Struct):
    result: list[_Result] = []
    groups: list[Group] = []
    yaml: str = ""


class _Answer(msgspec.Struct):
    status: str = ""
    error: str = ""
    data: _Data = msgspec.field(default_factory=_Data)


def query(endpoint: Endpoint, text: str) -> Iterator[Series]:
    """An instant query's vector."""
    return _series(_get(endpoint, "/api/v1/query", {"query": text, "timeout": "5s"}))


def query_range(
    endpoint: Endpoint, text: str, start: float, end: float, step: float
) -> Iterator[Series]:
    """A range query's matrix. Times in epoch seconds, by the server's clock."""
    times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.0f}"}
    return _series(_get(endpoint, "/api/v1/query_range", {"query": text, "timeout": "5s", **times}))


def alerting_groups(endpoint: Endpoint) -> list[Group]:
    """The groups that have alerting rules."""
    return _get(endpoint, "/api/v1/rules", {"type": "alert"}).groups


def intervals(endpoint: Endpoint) -> tuple[float, float]:
    """(between scrapes, between evaluations), in seconds, from the configuration's global part."""
    text = GLOBAL.search(_get(endpoint, "/api/v1/status/config", {}).yaml)
    found = {name: seconds(said) for name, said in INTERVAL.findall(text[0] if text else "")}
    return (
        found.get("scrape") or DEFAULT_INTERVAL_S,
        found.get("evaluation") or DEFAULT_INTERVAL_S,
    )


def seconds(text: str) -> float:
    """A duration of Prometheus' form, as 1h30m; 0 for what is none."""
    return math.fsum(int(number) * UNITS_S[unit] for number, unit in PART.findall(text))


def number(text: str) -> float | None:
    """A sample's value; None for NaN and what is no number. +Inf is one (a bucket's bound)."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _series(data: _Data) -> Iterator[Series]:
    for item in data.result:
        told = item.values if item.value is None else [item.value]
        yield Series(
            item.metric,
            tuple((at, value) for at, text in told if (value := number(text)) is not None),
        )


def _get(endpoint: Endpoint, path: str, asked: Mapping[str, str]) -> _Data:
    data = endpoint.get(path, asked)
    try:
        answer = msgspec.json.decode(data, type=_Answer)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise failed("its answer is not Prometheus' JSON", endpoint.where) from error
    if answer.status != "success":
        raise failed(f"it refuses the query ({answer.error[:100]})", endpoint.where)
    return answer.data
