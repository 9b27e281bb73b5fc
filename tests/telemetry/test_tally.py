"""Between which bounds a quantile is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.telemetry.tally import QUANTILE, band, quantile

BOUNDS = (0.01, 0.1, 1.0, math.inf)


def buckets(*counts: float) -> dict[float, float]:
    """Cumulative, from how many fall into each."""
    return {bound: sum(counts[: number + 1]) for number, bound in enumerate(BOUNDS)}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((10_000, 0, 0, 0), (0.0, 0.01)),
        ((9_800, 200, 0, 0), (0.01, 0.1)),
        ((19, 0, 1, 0), (0.0, 1.0)),
        ((0, 9_000, 0, 1_000), (1.0, math.inf)),
    ],
    ids=["one bucket", "sure", "one slow of twenty", "beyond the last bound"],
)
def test_band(counts: tuple[float, ...], expected: tuple[float, float]) -> None:
    """A bucket's width, and more where requests are few."""
    assert band(QUANTILE, buckets(*counts)) == expected


def test_no_requests_have_none() -> None:
    assert band(QUANTILE, buckets(0, 0, 0, 0)) is None
    assert band(QUANTILE, {}) is None


def test_numbers_that_are_none_do_no_harm() -> None:
    """Whatever a server says: NaN, or counts that do not grow."""
    assert band(QUANTILE, dict.fromkeys(BOUNDS, math.nan)) is None
    odd = band(QUANTILE, {0.01: math.nan, 0.1: 5.0, math.inf: 3.0})
    assert odd is not None
    assert odd[0] <= odd[1]


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any), st.integers(2, 50))
def test_the_quantile_is_within_and_more_requests_narrow_it(counts: list[int], more: int) -> None:
    found, wider = buckets(*(n * more for n in counts)), buckets(*counts)
    at, known, guess = quantile(QUANTILE, found), band(QUANTILE, found), band(QUANTILE, wider)
    assert at is not None
    assert known is not None
    assert guess is not None
    assert guess[0] <= known[0] <= at <= known[1] <= guess[1]
