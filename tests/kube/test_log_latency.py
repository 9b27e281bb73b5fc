"""How long a request took, in the forms in which programs log it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.log_latency import took_s


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ('{"level":"info","message":"GET / 200","duration_ms":21.5}', 0.0215),
        ('{"msg":"done","latency":"1.5s"}', 1.5),
        ('{"msg":"done","duration":0.25}', 0.25),
        ("level=info msg=done took=250ms", 0.25),
        ("GET / 200 elapsed=40", 0.04),
        ("Completed 200 OK in 250ms (Views: 3ms)", 0.25),
        ("GET /users 200 12.345 ms - 5", 0.012345),
        ("[GIN] 2026/11/24 - 12:00:00 | 200 |   12.5ms | 10.0.0.1 | GET /", 0.0125),
        ('"GET / HTTP/1.1" 200 12 request_time=0.350', 0.35),
        ("listening on port 8080", None),
        ("request timeout: 5s", None),
        ("GET / 200", None),
    ],
)
def test_took(line: str, seconds: float | None) -> None:
    """Seconds, by unit, suffix or custom."""
    found = took_s(line)
    assert found == (pytest.approx(seconds) if seconds is not None else None)


@given(st.text(max_size=2000))
def test_hostile(line: str) -> None:
    """Any text: a number from zero, or nothing."""
    found = took_s(line)
    assert found is None or found >= 0
