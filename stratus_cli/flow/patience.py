"""Trying again what may succeed in a moment: an API server that restarts, is busy, or is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stratus_cli.flow.fate import is_passing
from stratus_cli.model.errors import ClusterAnswer, ClusterUnreachable
from stratus_cli.model.ports import Ports

RETRY_FOR_S = 60.0  # our choice: longer than an API server's restart or a leader election

Result = TypeVar("Result")


def patiently(ports: Ports, why: str, call: Callable[[], Result]) -> Result:
    """The call's result. Its last error, when it is refused or has failed for RETRY_FOR_S."""
    clock = ports.clock
    started = clock.monotonic()
    while True:
        try:
            return call()
        except (ClusterUnreachable, ClusterAnswer) as error:
            waited = clock.monotonic() - started
            if not is_passing(error) or waited > RETRY_FOR_S:
                raise
            ports.progress.waiting(f"the API server, to {why}", waited, RETRY_FOR_S)
            clock.sleep(ports.limits.poll_s)
