"""Harm events: what users feel counts, whatever comes after it."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stratus_cli.health.harm import harm
from stratus_cli.model.health import Health, UnitHealth
from tests.health.samples import PAY_SERVICE, health, service


def series(
    good: UnitHealth, bad: UnitHealth, *spans: tuple[float, float]
) -> list[tuple[float, Health]]:
    """A sample a second for 80 s, bad inside the spans."""
    return [
        (float(at), health(bad if any(a <= at < b for a, b in spans) else good)) for at in range(80)
    ]


GOOD = service(PAY_SERVICE, 10, error_rate=0.0)
ERRORS = service(PAY_SERVICE, 10, error_rate=0.11)
SERVES, LACKS = service(PAY_SERVICE, 10), service(PAY_SERVICE, 8)


def test_more_than_ten_percent_lost_for_over_thirty_seconds_is_harm() -> None:
    """Named with the unit."""
    (found,) = harm([health(GOOD)], series(GOOD, ERRORS, (10, 42)))
    assert str(PAY_SERVICE) in found


def test_a_shorter_or_smaller_loss_is_none() -> None:
    """Neither thirty seconds, nor twice twenty, nor ten percent."""
    assert harm([health(GOOD)], series(GOOD, ERRORS, (10, 40))) == ()
    assert harm([health(GOOD)], series(GOOD, ERRORS, (10, 30), (31, 51))) == ()
    slight = service(PAY_SERVICE, 10, error_rate=0.1)
    assert harm([health(GOOD)], series(GOOD, slight, (0, 80))) == ()


def test_the_first_five_seconds_are_grace() -> None:
    """A loss that began there counts from their end."""
    assert harm([health(GOOD)], series(GOOD, ERRORS, (0, 35))) == ()
    assert harm([health(GOOD)], series(GOOD, ERRORS, (0, 37)))


def test_without_telemetry_ready_endpoints_decide() -> None:
    """More than 10 % under baseline, beyond the roll-out's allowance."""
    assert harm([health(SERVES)], series(SERVES, LACKS, (10, 45)))
    assert harm([health(SERVES)], series(SERVES, service(PAY_SERVICE, 9), (10, 45))) == ()
    assert harm([health(SERVES)], series(SERVES, LACKS, (10, 45)), {PAY_SERVICE: 2}) == ()


def test_it_stays_harm_when_all_is_well_again() -> None:
    """The last sample does not wash it off."""
    assert harm([health(SERVES)], series(SERVES, LACKS, (10, 50)))


def test_what_did_not_serve_before_cannot_be_lost() -> None:
    """And without a baseline nothing can."""
    nothing = service(PAY_SERVICE, 0)
    assert harm([health(nothing)], series(nothing, nothing, (0, 80))) == ()
    assert harm([], series(SERVES, LACKS, (0, 80))) == ()


# By definition, at the boundaries

ERROR_RATES = st.floats(0, 0.9)


def lasting(bad: UnitHealth, well: UnitHealth, seconds: float) -> list[tuple[float, Health]]:
    """Two bad samples so far apart, the first right after the grace; then well again."""
    return [
        (5.0, health(bad)),
        (5.0 + seconds, health(bad)),
        (6.0 + seconds, health(well)),
        (99.0, health(well)),
    ]


@given(ERROR_RATES, st.floats(0, 1), st.floats(0, 60))
@settings(max_examples=200)
def test_with_telemetry_more_than_a_tenth_lost_for_more_than_thirty_seconds(
    old: float, new: float, seconds: float
) -> None:
    """Of the share that succeeded before, and beyond the noise of errors."""
    before, now = service(PAY_SERVICE, error_rate=old), service(PAY_SERVICE, error_rate=new)
    lost = (1 - old) - (1 - new)
    assume(abs(lost - 0.1 * (1 - old)) > 1e-6)
    assume(abs(lost - 0.05) > 1e-6)
    assume(abs(seconds - 30) > 1e-6)
    expected = lost > 0.1 * (1 - old) and lost > 0.05 and seconds > 30
    assert bool(harm([health(before)], lasting(now, before, seconds))) == expected


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 10), st.floats(0, 60))
@settings(max_examples=200)
def test_without_telemetry_more_than_a_tenth_of_the_endpoints_beyond_the_allowance(
    old: int, new: int, spare: int, seconds: float
) -> None:
    """For more than thirty seconds."""
    assume(abs(seconds - 30) > 1e-6)
    before, now = service(PAY_SERVICE, old), service(PAY_SERVICE, new)
    found = harm([health(before)], lasting(now, before, seconds), {PAY_SERVICE: spare})
    assert bool(found) == (10 * (new + spare) < 9 * old and seconds > 30)


@given(st.lists(st.tuples(st.floats(0, 90), st.booleans()), max_size=40))
@settings(max_examples=200)
def test_only_an_unbroken_loss_after_the_grace_counts(marks: list[tuple[float, bool]]) -> None:
    """Whatever comes before, after or between."""
    marks = sorted(dict(marks).items())
    samples = [(at, health(LACKS if bad else SERVES)) for at, bad in marks]
    seen = [(at, bad) for at, bad in marks if at >= 5]
    expected = any(
        bad and later - at > 30 and all(now for moment, now in seen if at <= moment <= later)
        for number, (at, bad) in enumerate(seen)
        for later, _ in seen[number:]
    )
    assert bool(harm([health(SERVES)], samples)) == expected


def test_the_baseline_is_the_mean_of_its_samples_and_the_minute_before_where_known() -> None:
    """A window of five minutes may hold an older outage."""
    half = [health(service(PAY_SERVICE, 10)), health(service(PAY_SERVICE, 12))]
    assert harm(half, series(SERVES, service(PAY_SERVICE, 10), (10, 45))) == ()
    assert harm(half, series(SERVES, service(PAY_SERVICE, 9), (10, 45)))
    minute = [health(service(PAY_SERVICE, error_rate=0.3, error_minute=0.0))]
    assert harm(minute, series(GOOD, service(PAY_SERVICE, error_rate=0.2), (10, 45)))


def growing(*steps: tuple[float, float, float]) -> list[tuple[float, Health]]:
    """Samples of a window that began at the write: (seconds, requests so far, errors so far)."""
    return [
        (
            at,
            health(
                service(PAY_SERVICE, error_rate=errors / requests, requests=requests, window_s=at)
            ),
        )
        for at, requests, errors in steps
    ]


def test_a_growing_window_is_judged_by_what_came_since_the_last_sample() -> None:
    """20 s of errors show in the average for minutes, and are no harm; 45 s are."""
    short = [(15, 150, 150), (30, 300, 200), *((at, 10 * at, 200) for at in range(45, 120, 15))]
    assert harm([health(GOOD)], growing(*short)) == ()
    late = [(60, 600, 0), (75, 750, 150), (90, 900, 300), (105, 1050, 450), (120, 1200, 600)]
    assert harm([health(GOOD)], growing(*late))
    assert harm([health(GOOD)], growing(*late[:3])) == ()


def test_no_news_between_two_scrapes_is_not_a_lasting_loss() -> None:
    """The same counts again and again say nothing of what happens meanwhile."""
    still = [(15, 150, 150), *((at, 150 + at / 100, 150) for at in range(16, 60))]
    assert harm([health(GOOD)], growing(*still)) == ()
