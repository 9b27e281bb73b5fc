"""Addresses in settings: what is one, and where its port stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.called import addresses


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cart:7070", [("cart", 7070)]),
        ("http://cart/path", [("cart", 80)]),
        ("redis://:«secret:0123456789ab»@cache:6379/0", [("cache", 6379)]),
        ("postgres://u:p@db.shop.svc.cluster.local/x", [("db.shop.svc.cluster.local", 5432)]),
        ("a:1,b:2", [("a", 1), ("b", 2)]),
        ("--upstream=http://geo:8083", [("geo", 8083)]),
        ("«secret:0123456789ab»", []),
        ("10.0.0.1:80", []),
        ("12:30", []),
        ("registry.test/app:1.0", []),
        ("app:99999", []),
    ],
)
def test_addresses(text: str, found: list[tuple[str, int]]) -> None:
    """Hosts with a port, given or the scheme's own; never a mask, a time or an IP address."""
    assert [(item.host, item.port) for item in addresses(text, "x")] == found


@given(st.text(max_size=60), st.integers(1, 65535))
def test_another_port_changes_the_port_only(text: str, port: int) -> None:
    """What is written instead names the same host with the new port, and the rest stays."""
    for item in addresses(text, "x"):
        made = item.with_port(port)
        assert made.startswith(text[: item.start])
        assert made.endswith(text[item.end :])
        assert f":{port}" in made
