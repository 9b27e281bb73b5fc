"""What counts as a slip of the keyboard, and what is another thing."""

from __future__ import annotations

import pytest

from stratus_cli.kube.spelling import is_nearly, nearly


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("serach", "search"),
        ("product-catlog", "product-catalog"),
        ("userservice", "user-service"),
        ("cat", "cart"),
        ("paymnt", "payment"),
        ("redis-mastr-0", "redis-master-0"),
    ],
)
def test_slips(one: str, other: str) -> None:
    """A letter lost, swapped or doubled, or a dash forgotten; the same both ways."""
    assert is_nearly(one, other)
    assert is_nearly(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web", "web"),
        ("web12", "web13"),
        ("cart-v1", "cart-v2"),
        ("user-db", "rate-db"),
        ("mongodb-rate", "mongodb-geo"),
        ("card", "cart"),
        ("web", "web-admin"),
        ("shard-0", "shard-1"),
    ],
)
def test_other_things(one: str, other: str) -> None:
    """The same name, another number, another member of a family."""
    assert not is_nearly(one, other)
    assert not is_nearly(other, one)


def test_nearly_gives_all_that_fit() -> None:
    """More than one is for the caller to judge."""
    assert nearly("serch", ["search", "serach", "web"]) == ("search", "serach")
    assert nearly("cartt", ["cart", "cart-t", "x"]) == ("cart", "cart-t")
