"""Harm events: what users feel counts, whatever comes after it."""

from __future__ import annotations

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
