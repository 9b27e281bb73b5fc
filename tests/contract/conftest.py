"""Prints the share that agrees, at the end of the run."""

from __future__ import annotations

import pytest

from tests.contract.agreement import LEDGER


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each scenario, and one for all."""
    if LEDGER.compared:
        terminalreporter.section("twin and real cluster")
        for line in LEDGER.lines():
            terminalreporter.line(line)
