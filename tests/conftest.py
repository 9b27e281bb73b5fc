"""Shared by all tests: the real cluster (fixtures `bed` and `lab`, marker `cluster`)."""

from __future__ import annotations

import pytest

from tests.cluster import fixtures
from tests.cluster.fixtures import bed
from tests.scenarios.fixtures import lab

__all__ = ["bed", "lab"]


def pytest_configure(config: pytest.Config) -> None:
    """Name this run of the tests."""
    fixtures.configure(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark and skip tests that need a cluster."""
    fixtures.mark(items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take down the bed that this run started."""
    fixtures.finish(session.config)
