"""Shared by all tests: the real cluster (fixture `bed`, marker `cluster`)."""

from __future__ import annotations

import pytest

from tests.cluster import fixtures
from tests.cluster.fixtures import bed

__all__ = ["bed"]


def pytest_configure(config: pytest.Config) -> None:
    """Name this run of the tests."""
    fixtures.configure(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark and skip tests that need a cluster."""
    fixtures.mark(items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take down the bed that this run started."""
    fixtures.finish(session.config)
