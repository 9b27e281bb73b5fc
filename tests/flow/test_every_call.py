"""One transaction, and each of its API calls failing in each way, one by one."""

from __future__ import annotations

import pytest

from tests.fakes.adversary import FAULTS
from tests.flow.ordeal import Scenario, ordeal
from tests.flow.small import NEW

LINES = (
    "kubectl -n shop label configmap/settings a=1",
    "kubectl -n shop delete quota/room",
    NEW,
    "kubectl -n shop label configmap/settings a=2 --overwrite",
    "kubectl -n shop scale deployment/web --replicas=0",
)
CALLS = 46  # of a run in which nothing fails


@pytest.mark.parametrize("fault", FAULTS)
def test_each_call_fails_once(fault: str) -> None:
    """Each fault at one call in eight, each from a start of its own: all calls meet some fault."""
    first = 1 + FAULTS.index(fault) % 8
    ends = {ordeal(Scenario(LINES, {call: fault})) for call in range(first, CALLS, 8)}
    assert ends <= {"", "BLOCKED", "UNDONE", "NEEDS_HUMAN"}
    assert "UNDONE" in ends
