"""Shared by all tests: the real cluster (fixtures `bed` and `lab`, marker `cluster`)."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest

from tests.cluster import fixtures
from tests.cluster.fixtures import bed
from tests.contract.agreement import LEDGER
from tests.processes import BySubject, longest_first
from tests.proof.turn import told
from tests.scenarios.fixtures import lab
from tests.turns import choose

__all__ = ["bed", "lab"]

AGREEMENT = "agreement"

# How long an example takes is the machine's business: performance lives in bench/.
hypothesis.settings.register_profile("stratus", deadline=None)
hypothesis.settings.load_profile("stratus")


def pytest_configure(config: pytest.Config) -> None:
    """Name this run of the tests."""
    fixtures.configure(config)


def pytest_report_header() -> str:
    """Which actions' lifecycle is run today."""
    return told()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark and skip tests that need a cluster; begin with those that take long."""
    choose(config, items)
    fixtures.mark(items)
    longest_first(items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take down the bed that this run started; a worker process hands over what it compared."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[AGREEMENT] = LEDGER.to_json()
    fixtures.finish(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Two processes must not both use the cluster."""
    return BySubject(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The process that prints takes it in."""
    LEDGER.take((getattr(node, "workeroutput", None) or {}).get(AGREEMENT, ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How far the twin and the real cluster agree: a line for each scenario, and one for all."""
    if LEDGER.compared:
        terminalreporter.section("twin and real cluster")
        for line in LEDGER.lines():
            terminalreporter.line(line)
