"""Schedules come due when cron says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.cron import schedule

AT = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)  # a Tuesday
TIMES = st.integers(1_577_836_800, 1_893_456_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("*/5 * * * *", "", "2026-11-24T12:05"),
        ("0 3 * * *", "", "2026-11-25T03:00"),
        ("0 3 * * *", "Europe/Berlin", "2026-11-25T02:00"),
        ("30 9 1 jan *", "", "2027-01-01T09:30"),
        ("0 0 * * sun", "", "2026-11-29T00:00"),
        ("0 0 * * 7", "", "2026-11-29T00:00"),
        ("0 0 13 * fri", "", "2026-11-27T00:00"),  # either day will do
        ("0-10/5,40 12 * * *", "", "2026-11-24T12:05"),
        ("@hourly", "", "2026-11-24T13:00"),
        ("@every 90s", "", "2026-11-24T12:02"),
        ("0 0 29 2 *", "", "2028-02-29T00:00"),
    ],
)
def test_next(text: str, zone: str, expected: str) -> None:
    """The first moment after the present one."""
    found = schedule(text, zone)
    assert found is not None
    due = found.after(AT)
    assert due is not None
    assert f"{due:%Y-%m-%dT%H:%M}" == expected


def test_a_day_that_never_comes() -> None:
    """The last of February is never the 31st."""
    found = schedule("0 0 31 2 *")
    assert found is not None
    assert found.after(AT) is None


@pytest.mark.parametrize("text", ["", "* * * *", "61 * * * *", "x * * * *", "*/0 * * * *"])
def test_what_is_no_schedule(text: str) -> None:
    """It gives None and never raises."""
    assert schedule(text) is None
    assert schedule("* * * * *", "No/Where") is None


@given(st.text("0123456789*/,-@ ?", max_size=14), TIMES)
def test_any_text(text: str, time: datetime) -> None:
    """What is a schedule comes due later than the moment asked for."""
    found = schedule(text)
    due = found.after(time) if found else None
    assert due is None or due > time


@given(st.integers(0, 59), st.integers(0, 23), TIMES)
def test_once_a_day(minute: int, hour: int, time: datetime) -> None:
    """A daily schedule is due within a day, at its minute and hour."""
    found = schedule(f"{minute} {hour} * * *")
    assert found is not None
    due = found.after(time)
    assert due is not None
    assert timedelta() < due - time <= timedelta(days=1)
    assert (due.minute, due.hour) == (minute, hour)
    assert found.due(time, due, 5) == 1
