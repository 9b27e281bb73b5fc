"""Schedules of CronJobs: when they come due. Pure.

The grammar is that of robfig/cron's standard parser, which the controller uses: five fields, names
of months and days, steps, lists, `@hourly` and its like, `@every DURATION`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FARTHEST_DAYS = 5 * 366  # robfig/cron gives up after five years
_PART = re.compile(r"(?:(\*|\?)|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_EVERY = re.compile(r"(\d+)([hms])")
_UNITS = {"h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True)
class Schedule:
    """Minutes, hours, days, months and weekdays at which it is due; or every so many seconds.

    any_day, any_weekday: the field was a star, so only the other one of the two counts.
    """

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True
    any_weekday: bool = True
    every_s: int = 0
    zone: tzinfo = UTC

    def after(self, time: datetime) -> datetime | None:
        """The first moment after this one at which it is due; None when there is none."""
        if self.every_s:
            return time + timedelta(seconds=self.every_s)
        local = time.astimezone(self.zone).replace(second=0, microsecond=0)
        local += timedelta(minutes=1)
        for _ in range(FARTHEST_DAYS):
            if self._has(local):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        if (hour, minute) >= (local.hour, local.minute):
                            return local.replace(hour=hour, minute=minute).astimezone(UTC)
            local = (local + timedelta(days=1)).replace(hour=0, minute=0)
        return None

    def due(self, since: datetime, until: datetime, most: int) -> int:
        """How often it was due after `since` and up to `until`, counted to `most`."""
        count, at = 0, self.after(since)
        while at is not None and at <= until and count < most:
            count, at = count + 1, self.after(at)
        return count

    def _has(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week


@lru_cache(maxsize=1024)
def schedule(text: str, zone: str = "") -> Schedule | None:
    """The schedule, or None where it is none. zone: spec.timeZone; UTC when it is not known."""
    where: tzinfo = UTC
    words = text.split()
    if words and words[0].startswith(("TZ=", "CRON_TZ=")):
        zone = words.pop(0).partition("=")[2]
    try:
        where = ZoneInfo(zone) if zone else UTC
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError of its own kind
        return None
    except KeyError:
        return None
    if len(words) == 2 and words[0] == "@every":
        seconds = sum(int(number) * _UNITS[unit] for number, unit in _EVERY.findall(words[1]))
        return Schedule(every_s=seconds, zone=where) if seconds else None
    if len(words) == 1:
        words = MACROS.get(words[0].lower(), "").split()
    if len(words) != 5:
        return None
    try:
        minutes, hours, days, months, weekdays = (
            frozenset(_values(word, low, high, names))
            for word, (low, high, names) in zip(words, _FIELDS, strict=True)
        )
    except ValueError:
        return None
    free = [word[0] in "*?" for word in words]
    weekdays = frozenset(day % 7 for day in weekdays)
    return Schedule(minutes, hours, days, months, weekdays, free[2], free[4], zone=where)


_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, MONTHS),
    (0, 7, DAYS),
)


def _values(word: str, low: int, high: int, names: tuple[str, ...]) -> Iterator[int]:
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"not a field of a schedule: {part!r}")
        star, first, last, step = match.groups()
        start = low if star else _number(first, low, names)
        end = high if star or (step and not last) else _number(last or first, low, names)
        if not low <= start <= end <= high or step == "0":
            raise ValueError(f"out of range: {part!r}")
        yield from range(start, end + 1, int(step or 1))


def _number(word: str, low: int, names: tuple[str, ...]) -> int:
    if word.lower() in names:
        return names.index(word.lower()) + low
    return int(word)
