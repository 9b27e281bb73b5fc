"""Harm: long enough, and beyond what was there before."""

from __future__ import annotations

from stratus_cli.drill.harm import Sample, harms

BEFORE = [Sample(0, {"web": 2, "db": 0}, answered=True)]


def during(seconds: int, ready: int, *, answered: bool = True, bad_from: int = 10) -> list[Sample]:
    return [
        Sample(at, {"web": ready if at >= bad_from else 2}, answered or at < bad_from)
        for at in range(seconds)
    ]


def test_a_short_loss_is_none() -> None:
    """Up to half a minute a rollout may take its pods."""
    assert harms(BEFORE, during(40, 1)) == []


def test_a_long_loss_is_harm() -> None:
    """A Service that had endpoints, and a front door that was open."""
    found = harms(BEFORE, during(60, 0, answered=False))
    assert len(found) == 2
    assert "Service/web" in found[0]


def test_what_was_down_before_is_no_harm() -> None:
    """The fault's own damage is not Stratus' harm."""
    down = [Sample(0, {"web": 0}, answered=False)]
    assert harms(down, during(90, 0, answered=False, bad_from=0)) == []


def test_what_a_fault_had_added_is_no_loss() -> None:
    """A selector that was too broad, put right."""
    broad = [Sample(0, {"web": 9})]
    assert harms(broad, during(60, 2), {"web": 2}) == []
    assert len(harms(broad, during(60, 1), {"web": 2})) == 1


def test_a_break_starts_the_count_again() -> None:
    """Thirty seconds in one piece."""
    samples = [Sample(at, {"web": 0 if at % 20 else 2}) for at in range(100)]
    assert harms(BEFORE, samples) == []
